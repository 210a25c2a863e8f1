import { proposeCompletions } from '@stricli/core';
import type { ApplicationContext } from '@stricli/core';
import { createApplication } from '../application.ts';
import type { CliContext } from '../command-context.ts';
import { GLOBAL_OPTIONS } from '../globals.ts';
import type { CliIo } from '../io.ts';

/**
 * What may come next: one `word<TAB>description` a line. `words` are those after `valence`, the last one being typed (it
 * may be empty). Nothing for a file name, so that the shell completes it. Never fails.
 */
export async function complete(words: readonly string[], io: CliIo): Promise<string[]> {
  const partial = words.at(-1) ?? '';
  const before = withoutGlobals(words.slice(0, -1));
  if (before === null) return [];
  const application = createApplication(before, () => {});
  const proposals = await proposeCompletions(application, [...before, partial], contextOf(io));
  const options = partial.startsWith('-') && !before.includes('--') ? globalProposals(partial, words) : [];
  const named = proposals.filter(
    ({ completion }) => completion !== '--' && completion.startsWith('-') === partial.startsWith('-'),
  );
  return [...named.map(({ completion, brief }) => `${completion}\t${brief}`), ...options];
}

/** `null` where a global option waits for its value, which is a folder or a URL. */
function withoutGlobals(words: readonly string[]): string[] | null {
  const rest: string[] = [];
  for (let index = 0; index < words.length; index++) {
    const word = words[index]!;
    if (word === '--') return [...rest, ...words.slice(index)];
    const option = GLOBAL_OPTIONS.find(([name]) => word === `--${name}` || word.startsWith(`--${name}=`));
    if (option === undefined) {
      rest.push(word);
    } else if (option[1] !== null && !word.includes('=')) {
      index += 1;
      if (index >= words.length) return null;
    }
  }
  return rest;
}

function globalProposals(partial: string, words: readonly string[]): string[] {
  return GLOBAL_OPTIONS.filter(
    ([name]) => `--${name}`.startsWith(partial) && !words.slice(0, -1).includes(`--${name}`),
  ).map(([name, , brief]) => `--${name}\t${brief}`);
}

/** Proposals come from names alone; no command runs, so nothing else of the context is there. */
function contextOf(io: CliIo): CliContext & ApplicationContext {
  return { process: { stdout: io.stdout, stderr: io.stderr, env: io.env }, io } as unknown as CliContext &
    ApplicationContext;
}
