import type * as Ssh2 from 'ssh2';

/** The library, loaded when the first server is opened. Node sees only some of its names, but all of its default export. */
export async function ssh2(): Promise<typeof Ssh2> {
  const library: unknown = await import('ssh2');
  return (library as { readonly default: typeof Ssh2 }).default;
}
