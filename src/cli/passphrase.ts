import { ValenceError } from '../core/errors.ts';
import { isInteractive } from './io.ts';
import type { CliIo } from './io.ts';
import { askSecret } from './prompt.ts';

/**
 * The passphrase of `master.key`: VALENCE_PASSPHRASE, else asked on the terminal; twice where it is being chosen.
 * @throws `key/passphrase` where there is neither, or the two differ; `cancelled` at the prompt
 */
export async function readPassphrase(io: CliIo, choosing: boolean): Promise<string> {
  const given = io.env['VALENCE_PASSPHRASE'];
  if (given !== undefined && given !== '') return given;
  if (!isInteractive(io)) {
    throw new ValenceError('key/passphrase', 'a passphrase is needed and there is no terminal to ask on', {
      hint: 'set VALENCE_PASSPHRASE',
    });
  }
  const passphrase = await askSecret(io, choosing ? 'Choose a passphrase for master.key' : 'Passphrase of master.key');
  if (passphrase === '') throw new ValenceError('key/passphrase', 'the passphrase is empty');
  if (choosing && (await askSecret(io, 'The same again')) !== passphrase) {
    throw new ValenceError('key/passphrase', 'the two passphrases differ', { hint: 'run the command again' });
  }
  return passphrase;
}
