import { readFileSync } from 'node:fs';
import { isValenceError } from '../../src/core/errors.ts';
import { createBundle } from '../../src/format/keys/bundle.ts';
import type { Bundle, BundleContent } from '../../src/format/keys/bundle.ts';
import { createHostKey } from '../../src/format/keys/host-key.ts';
import type { HostKey } from '../../src/format/keys/host-key.ts';
import { ownerIdentity } from '../../src/format/keys/owner.ts';
import type { OwnerIdentity } from '../../src/format/keys/owner.ts';
import type { Argon2Cost } from '../../src/format/keys/passphrase.ts';
import { createSigningKey } from '../../src/format/keys/signature.ts';
import { createGenerationSecrets } from '../../src/format/keys/writer-secrets.ts';
import { seededRandom } from '../support/seeded-random.ts';

/** The least that Argon2id allows: tests are about formats, not about cost. */
export const CHEAP: Argon2Cost = { memoryKib: 8, passes: 1, lanes: 1 };

/**
 * With SLOW=1 the long loops over large files flip each bit in turn; otherwise every ninth, which meets each byte but
 * one in nine, and each place in a byte.
 */
export const EVERY_BIT: boolean = process.env['SLOW'] === '1';

export function owner(name: string): OwnerIdentity {
  return ownerIdentity(seededRandom(`owner ${name}`).bytes(32));
}

export function bundleContent(recipients: readonly Uint8Array[]): BundleContent {
  const random = seededRandom('content');
  return {
    vaultId: random.bytes(16),
    generation: random.bytes(16),
    writerId: random.bytes(16),
    createdAt: 1_760_000_000_000,
    recipients,
    secrets: createGenerationSecrets(random),
    signingKey: createSigningKey(random),
  };
}

export function sampleBundle(by: OwnerIdentity, others: readonly OwnerIdentity[] = []): Bundle {
  const recipients = [by, ...others].map((each) => each.public.recipient);
  return createBundle(bundleContent(recipients), by.signingKey, seededRandom('bundle'));
}

export function sampleHostKey(by: OwnerIdentity, others: readonly OwnerIdentity[] = []): HostKey {
  const recipients = [...others, by].map((each) => each.public.recipient);
  const opened = bundleContent(recipients);
  const bundle = createBundle(opened, by.signingKey, seededRandom('bundle'));
  const { secrets, signingKey } = opened;
  return createHostKey({ bundle, opened: { secrets, signingKey }, owner: by.public, recipients });
}

/** The code of the `ValenceError` that `act` throws, "none" when it returns, and the error itself when it is another. */
export function codeOf(act: () => unknown): unknown {
  try {
    act();
    return 'none';
  } catch (error) {
    return isValenceError(error) ? error.code : error;
  }
}

export async function asyncCodeOf(act: () => Promise<unknown>): Promise<unknown> {
  try {
    await act();
    return 'none';
  } catch (error) {
    return isValenceError(error) ? error.code : error;
  }
}

export function withBitFlipped(bytes: Uint8Array, bit: number): Uint8Array {
  const changed = Uint8Array.from(bytes);
  changed[bit >> 3]! ^= 1 << (bit & 7);
  return changed;
}

export function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'hex'));
}

/** One file of test/vectors/crypto; each names its source. */
export function readVectors<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../vectors/crypto/${name}.json`, import.meta.url), 'utf8')) as T;
}
