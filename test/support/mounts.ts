import { execFileSync } from 'node:child_process';
import { onTestFinished } from 'vitest';

/**
 * Mounts for the rest of the test, which is for root; fails where it is not permitted. Gives back how to unmount before.
 * @param parameters of `mount`, without the mount point
 */
export function mount(path: string, ...parameters: string[]): () => void {
  execFileSync('mount', [...parameters, path]);
  let isMounted = true;
  const unmount = (): void => {
    // Lazily: a server may still be closing its files.
    if (isMounted) execFileSync('umount', ['-l', path]);
    isMounted = false;
  };
  onTestFinished(unmount);
  return unmount;
}
