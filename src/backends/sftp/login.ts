import type {
  AgentAuthMethod,
  KeyboardInteractiveAuthMethod,
  ParsedKey,
  PasswordAuthMethod,
  PublicKeyAuthMethod,
} from 'ssh2';
import { ValenceError } from '../../core/errors.ts';
import { ssh2 } from './ssh2.ts';

/** How a user proves who they are. The secrets are already looked up. */
export type SftpAuth =
  | { readonly kind: 'key'; readonly privateKey: Buffer | string; readonly passphrase?: string | undefined }
  /** `socket`: that of a running ssh-agent, as `SSH_AUTH_SOCK` names it. */
  | { readonly kind: 'agent'; readonly socket: string }
  | { readonly kind: 'password'; readonly password: string };

export type LoginMethod = PublicKeyAuthMethod | AgentAuthMethod | PasswordAuthMethod | KeyboardInteractiveAuthMethod;

/** What to offer the server, in this order. @throws `backend/denied` if the private key cannot be read */
export async function loginMethods(username: string, auth: SftpAuth): Promise<LoginMethod[]> {
  switch (auth.kind) {
    case 'key':
      return [{ type: 'publickey', username, key: await readKey(auth.privateKey, auth.passphrase) }];
    case 'agent':
      return [{ type: 'agent', username, agent: auth.socket }];
    case 'password':
      return [{ type: 'password', username, password: auth.password }, askedFor(username, auth.password)];
  }
}

/** Many servers ask for the password as a question instead; one that shows what is typed is about something else. */
function askedFor(username: string, password: string): KeyboardInteractiveAuthMethod {
  return {
    type: 'keyboard-interactive',
    username,
    prompt: (...[, , , prompts, finish]) => {
      finish(prompts.map(({ echo }) => (echo === true ? '' : password)));
    },
  };
}

/** Opened once: deriving a key from its passphrase is made to be slow. */
async function readKey(privateKey: Buffer | string, passphrase: string | undefined): Promise<ParsedKey> {
  const { utils } = await ssh2();
  const found = utils.parseKey(privateKey, passphrase);
  // Declared otherwise, some formats give a list.
  const key: ParsedKey | Error | undefined = Array.isArray(found) ? (found as ParsedKey[])[0] : found;
  if (key === undefined || key instanceof Error) throw unreadableKey(key?.message ?? '', passphrase !== undefined);
  if (!key.isPrivateKey()) throw denied('the identity is a public key', 'name the file without .pub');
  return key;
}

function unreadableKey(reason: string, hasPassphrase: boolean): ValenceError {
  if (/no passphrase/i.test(reason))
    return denied('the private key has a passphrase', 'say where it is: passphrase: env:NAME');
  if (hasPassphrase && /passphrase|decrypt/i.test(reason)) return denied('the passphrase of the private key is wrong');
  return denied('the identity is no private key that can be read', 'make one with `ssh-keygen -t ed25519`');
}

function denied(message: string, hint?: string): ValenceError {
  return new ValenceError('backend/denied', message, { hint });
}
