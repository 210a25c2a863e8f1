import { ValenceError } from '../core/errors.ts';
import { isInteractive } from './io.ts';
import type { CliIo } from './io.ts';

/** Asks for a secret on the terminal, on standard error. @throws `cancelled` */
export async function askSecret(io: CliIo, message: string): Promise<string> {
  const { password, isCancel } = await import('@clack/prompts');
  const answer = await password({ message, input: io.stdin, output: io.stderr, signal: io.signal });
  if (isCancel(answer)) throw new ValenceError('cancelled', 'cancelled at the prompt');
  return answer ?? '';
}

/**
 * Asks before something that cannot be undone; `yes` answers in advance.
 * @throws `cancelled` when the answer is no, `usage/invalid` where there is nobody to ask
 */
export async function confirm(io: CliIo, yes: boolean, question: string): Promise<void> {
  if (yes) return;
  if (!isInteractive(io)) {
    throw new ValenceError('usage/invalid', `needs a yes: ${question}`, { hint: 'add --yes' });
  }
  const prompts = await import('@clack/prompts');
  const answer = await prompts.confirm({
    message: question,
    initialValue: false,
    input: io.stdin,
    output: io.stderr,
    signal: io.signal,
  });
  if (answer !== true) throw new ValenceError('cancelled', 'nothing was changed');
}
