import { ValenceError } from '../../src/core/errors.ts';
import { toHex } from '../../src/core/bytes.ts';
import { uuidText } from '../../src/core/ids.ts';
import type { Random } from '../../src/core/random.ts';
import { bundleObjectName } from '../../src/vault/keyring.ts';
import { encodeArmour } from '../../src/format/keys/armour.ts';
import { encodeBundle, openBundle, parseBundle } from '../../src/format/keys/bundle.ts';
import { derive, domainTag } from '../../src/format/keys/derive.ts';
import type { Label } from '../../src/format/keys/derive.ts';
import { openEnvelope, sealEnvelope } from '../../src/format/keys/envelope.ts';
import { parseHostKey } from '../../src/format/keys/host-key.ts';
import { openMasterKey, parseMasterKey } from '../../src/format/keys/master-key.ts';
import { ownerIdentity } from '../../src/format/keys/owner.ts';
import { normalizePassphrase } from '../../src/format/keys/passphrase.ts';
import { recipientFingerprint } from '../../src/format/keys/recipient.ts';
import { sign, verify } from '../../src/format/keys/signature.ts';
import type { WriterSecrets } from '../../src/format/keys/writer-secrets.ts';
import { xWingIdentity } from '../../src/format/keys/x-wing.ts';
import { pad, unpad } from '../../src/format/padding.ts';
import { padmeLength } from '../../src/format/padme.ts';
import { parseVaultFile } from '../../src/format/vault-file.ts';
import { Fields } from './fields.ts';
import type { Operation } from './fields.ts';
import { SNAPSHOT_OPERATIONS } from './snapshot-operations.ts';
import { STORAGE_OPERATIONS } from './storage-operations.ts';
import { TREE_OPERATIONS } from './tree-operations.ts';
import type { Given } from './vector.ts';

/** What the vectors do with the code, by the name that stands in their `op`. */

const KEY_OPERATIONS: Readonly<Record<string, Operation>> = {
  derive: (given) => ({
    key: toHex(derive(given.bytes('secret'), given.text('label') as Label, 32, given.bytes('context'))),
  }),
  tag: (given) => ({ tag: toHex(domainTag(given.text('purpose'))) }),
  owner: (given) => {
    const { xWing, signingKey, public: open } = ownerIdentity(given.bytes('masterSeed'));
    return {
      xWingSeed: toHex(xWing.seed),
      recipient: toHex(open.recipient),
      fingerprint: toHex(recipientFingerprint(open.recipient)),
      ed25519Seed: toHex(signingKey.ed25519),
      mlDsa65Seed: toHex(signingKey.mlDsa65),
      verifyingKey: toHex(open.verifyingKey.ed25519) + toHex(open.verifyingKey.mlDsa65),
    };
  },
  sign: (given) => {
    const [key, rnd] = [given.bytes('signingKey'), given.bytes('rnd')];
    const seeds = { ed25519: key.subarray(0, 32), mlDsa65: key.subarray(32) };
    return { signature: toHex(sign(seeds, given.text('domain'), given.bytes('message'), fixedRandom(rnd))) };
  },
  'verify-signature': (given) => {
    if (verify(given.verifyingKey(), given.text('domain'), given.bytes('message'), given.bytes('signature'))) return {};
    throw new ValenceError('integrity/authentication-failed', 'the signature is wrong');
  },
  'seal-envelope': (given) => {
    const recipients = given.list('recipients').map((key) => Buffer.from(String(key), 'hex'));
    return {
      bytes: toHex(
        sealEnvelope(recipients, given.bytes('plaintext'), context(given), fixedRandom(given.bytes('random'))),
      ),
    };
  },
  'open-envelope': (given) => ({
    plaintext: toHex(openEnvelope(xWingIdentity(given.bytes('xWingSeed')), given.bytes('bytes'), context(given))),
  }),
  bundle: (given) => {
    const bundle = parseBundle(given.bytes('bytes'));
    const opened = openBundle(bundle, ownerIdentity(given.bytes('masterSeed')));
    const { vaultId, generation, writerId, createdAt, recipients } = bundle.header;
    const name = bundleObjectName(generation, writerId, encodeBundle(bundle));
    const ids = { vaultId: uuidText(vaultId), generation: uuidText(generation), writerId: uuidText(writerId) };
    return { name, ...ids, createdAt, recipients: recipients.map(toHex), ...secretsOf(opened) };
  },
  'master-key': async (given) => ({
    masterSeed: toHex(await openMasterKey(parseMasterKey(given.bytes('file')), given.text('passphrase'))),
  }),
  passphrase: (given) => ({ bytes: toHex(normalizePassphrase(given.text('typed'))) }),
  'host-key': (given) => readHostKey(given.bytes('file')),
  'host-key-payload': (given) =>
    readHostKey(encodeArmour({ kind: 'host key', notes: [], payload: given.bytes('payload') })),
  padme: (given) => ({ padded: given.numbers('lengths').map(padmeLength) }),
  pad: (given) => ({ padded: toHex(pad(given.bytes('plaintext'))) }),
  unpad: (given) => ({ plaintext: toHex(unpad(given.bytes('padded'), 'vector')) }),
  'vault-file': (given) => ({ ...parseVaultFile(given.bytes('file')) }),
};

const OPERATIONS: Readonly<Record<string, Operation>> = {
  ...KEY_OPERATIONS,
  ...TREE_OPERATIONS,
  ...STORAGE_OPERATIONS,
  ...SNAPSHOT_OPERATIONS,
};

/** Runs an operation over resolved values. @throws as the code under test does */
export async function runOperation(op: string, given: Given): Promise<unknown> {
  const operation = OPERATIONS[op];
  if (operation === undefined) throw new Error(`there is no operation ${op}`);
  return operation(new Fields(given));
}

function context(given: Fields): { purpose: string; aad: Uint8Array; maxBytes: number } {
  return { purpose: given.text('purpose'), aad: given.bytes('aad'), maxBytes: given.number('maxBytes') };
}

function readHostKey(file: Uint8Array): unknown {
  const key = parseHostKey(file);
  const ids = {
    vaultId: uuidText(key.vaultId),
    generation: uuidText(key.generation),
    writerId: uuidText(key.writerId),
  };
  const recipients = key.recipients.map((recipient) => toHex(recipientFingerprint(recipient)));
  return { ...ids, recipients, ...secretsOf(key) };
}

function secretsOf({ secrets, signingKey }: WriterSecrets): Record<string, string> {
  return {
    contentIdKey: toHex(secrets.contentIdKey),
    boundaryKey: toHex(secrets.boundaryKey),
    indexKey: toHex(secrets.indexKey),
    maskKey: toHex(secrets.maskKey),
    signingKey: toHex(signingKey.ed25519) + toHex(signingKey.mlDsa65),
  };
}

/** Gives these bytes, once, from the front. */
function fixedRandom(bytes: Uint8Array): Random {
  let offset = 0;
  return { bytes: (length) => bytes.subarray(offset, (offset += length)) };
}
