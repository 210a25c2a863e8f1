import { describe, expect, it } from 'vitest';
import { toHex } from '../../src/core/bytes.ts';
import { uuidText } from '../../src/core/ids.ts';
import { encodeBundle } from '../../src/format/keys/bundle.ts';
import type { Bundle } from '../../src/format/keys/bundle.ts';
import { bundleObjectName, openKeyring } from '../../src/vault/keyring.ts';
import type { Place } from '../../src/vault/places.ts';
import { rejection } from '../support/expect-code.ts';
import { MemoryBackend } from '../support/memory-backend.ts';
import { owner, sampleBundle, sampleHostKey, withBitFlipped } from './keys-fixture.ts';

const ALICE = owner('alice');
const BUNDLE = sampleBundle(ALICE);
const bytesOf = encodeBundle(BUNDLE);
const nameOf = (bundle: Bundle, bytes: Uint8Array): string =>
  bundleObjectName(bundle.header.generation, bundle.header.writerId, bytes);
const VAULT = uuidText(BUNDLE.header.vaultId);
const [GENERATION, WRITER] = [uuidText(BUNDLE.header.generation), uuidText(BUNDLE.header.writerId)];

function place(name: string, objects: Record<string, Uint8Array>): Place {
  return { backend: new MemoryBackend(name, new Map(Object.entries(objects))), holder: null };
}

const good = place('good', { [nameOf(BUNDLE, bytesOf)]: bytesOf });
const damaged = place('damaged', { [nameOf(BUNDLE, bytesOf)]: withBitFlipped(bytesOf, 4_000) });
/** Whoever may write to a place can put these there. */
const NEWER = Buffer.from('valence/v2 bundle\n and more');
const planted = place('planted', {
  'keys/00000000000000000000000000000000-00000000000000000000000000000000-0000000000000000': NEWER,
  'keys/something-else': Buffer.from('noise'),
});

const open = (...places: Place[]): ReturnType<typeof openKeyring> =>
  openKeyring(places, VAULT, { kind: 'owner', identity: ALICE });

describe('a keyring', () => {
  it('holds secrets and writers of the bundles that the owner signed', async () => {
    const keyring = await open(good);
    expect(keyring.vaultId).toBe(VAULT);
    expect(keyring.writer(GENERATION, WRITER)).toEqual(BUNDLE.header.writer);
    expect(keyring.secrets(GENERATION)).not.toBeNull();
    expect(keyring.writer(GENERATION, GENERATION)).toBeNull();
    expect(keyring.secrets(WRITER)).toBeNull();
  });

  it('passes over damaged copies and what others planted', async () => {
    for (const places of [
      [planted, damaged, good],
      [good, damaged, planted],
    ]) {
      const keyring = await open(...places);
      expect(keyring.bundles).toHaveLength(1);
      expect(keyring.problems).toContainEqual({
        location: 'memory:planted',
        object: 'keys/something-else',
        kind: 'corrupt',
      });
    }
  });

  it('does not believe a bundle that another owner signed for this one', async () => {
    const eve = owner('eve');
    const forged = sampleBundle(eve, [ALICE]);
    const bytes = encodeBundle(forged);
    const keyring = await open(place('forged', { [nameOf(forged, bytes)]: bytes }), good);
    expect(keyring.bundles.map((bundle) => toHex(bundle.signature))).toEqual([toHex(BUNDLE.signature)]);
    await rejection(open(place('forged', { [nameOf(forged, bytes)]: bytes })), 'integrity/too-few-shards');
  });

  it('says why there is none', async () => {
    await rejection(open(place('empty', {})), 'integrity/too-few-shards');
    await rejection(open(damaged), 'integrity/too-few-shards');
    await rejection(open(place('newer', { 'keys/newer': NEWER })), 'format/newer');
    await rejection(openKeyring([good], VAULT, { kind: 'owner', identity: owner('bob') }), 'key/wrong-key');
    await rejection(
      openKeyring([good], uuidText(BUNDLE.header.generation), { kind: 'owner', identity: ALICE }),
      'integrity/too-few-shards',
    );
  });

  it('of a host needs no place at all, and opens no body', async () => {
    const keyring = await openKeyring([], null, { kind: 'host', key: sampleHostKey(ALICE) });
    expect(keyring.owner).toBeNull();
    expect(keyring.writer(GENERATION, WRITER)).toEqual(BUNDLE.header.writer);
    expect(keyring.secrets(GENERATION)).not.toBeNull();
  });
});
