import { createHash } from 'node:crypto';
import type { ServerHostKeyAlgorithm } from 'ssh2';
import { ValenceError } from '../../core/errors.ts';

/** The key by which a server proves that it is the one we know. */

/** As `ssh-keygen -l` shows it: `SHA256:` and 43 characters of base 64. */
export function fingerprintOf(key: Uint8Array): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}

/** The kinds of key that a server may have one of each, best first, and how each may sign. */
const KINDS: readonly { readonly name: RegExp; readonly algorithms: readonly ServerHostKeyAlgorithm[] }[] = [
  { name: /^ssh-ed25519$/, algorithms: ['ssh-ed25519'] },
  { name: /^ecdsa-sha2-/, algorithms: ['ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp384', 'ecdsa-sha2-nistp521'] },
  { name: /^ssh-rsa$/, algorithms: ['rsa-sha2-512', 'rsa-sha2-256'] },
];

export const HOST_KEY_ALGORITHMS: readonly ServerHostKeyAlgorithm[] = KINDS.flatMap(({ algorithms }) => algorithms);

/** The algorithms to ask for after a key of this kind was not the right one: a server shows one key a connection. */
export function algorithmsAfter(key: Uint8Array): readonly ServerHostKeyAlgorithm[] {
  const view = Buffer.from(key.buffer, key.byteOffset, key.length);
  const name = view.toString('latin1', 4, 4 + view.readUInt32BE(0));
  const index = KINDS.findIndex((kind) => kind.name.test(name));
  return index === -1 ? [] : KINDS.slice(index + 1).flatMap(({ algorithms }) => algorithms);
}

/** The server showed a key that was not accepted. */
export class HostKeyRefused extends Error {
  readonly key: Uint8Array;

  constructor(key: Uint8Array) {
    super('host key refused');
    this.key = key;
  }
}

export function hostKeyChanged(shown: string, pinned: string): ValenceError {
  return new ValenceError('backend/denied', `the server shows the host key ${shown}, not ${pinned}`, {
    hint:
      'either the server was set up anew, or another machine answers in its place: compare with ' +
      '`ssh-keygen -lf` on the server itself, and only if it is the same there, put it as host-key into valence.yaml, ' +
      'or behind the ? of its URL',
    context: { shown, pinned },
  });
}

export function hostKeyUnknown(shown: string): ValenceError {
  return new ValenceError('backend/denied', `the host key ${shown} of the server was not accepted`, {
    hint:
      'compare with `ssh-keygen -lf` on the server itself; if it is the same there, put it as host-key into valence.yaml, ' +
      'or behind the ? of its URL: host-key=SHA256:…',
    context: { shown },
  });
}
