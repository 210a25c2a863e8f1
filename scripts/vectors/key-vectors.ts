import { LABELS } from '../../src/format/keys/derive.ts';
import { createBundle, encodeBundle } from '../../src/format/keys/bundle.ts';
import type { Bundle, BundleContent } from '../../src/format/keys/bundle.ts';
import { sealEnvelope } from '../../src/format/keys/envelope.ts';
import { ownerIdentity } from '../../src/format/keys/owner.ts';
import type { OwnerIdentity } from '../../src/format/keys/owner.ts';
import { createSigningKey, sign, verifyingKeyOf } from '../../src/format/keys/signature.ts';
import type { SigningKey, VerifyingKey } from '../../src/format/keys/signature.ts';
import { createGenerationSecrets } from '../../src/format/keys/writer-secrets.ts';
import { sha256 } from '../../src/format/shard/name.ts';
import { seededRandom } from '../../test/vectors/vector.ts';
import type { Splice } from '../../test/vectors/vector.ts';
import { changed, flipped, hex, VectorCollection } from './collection.ts';

/** Keys, envelopes and bundles, FORMAT.md §3. */

export const MASTER_SEED: Uint8Array = seededRandom('master seed').bytes(32);
export const OWNER: OwnerIdentity = ownerIdentity(MASTER_SEED);
const STRANGER_SEED = seededRandom('another master seed').bytes(32);
const STRANGER = ownerIdentity(STRANGER_SEED);

const AUTH = 'integrity/authentication-failed';
const BAD = 'format/malformed';

/** The fixed moment of all vectors: 2026-01-31T12:00:00Z. */
export const MOMENT: number = Date.UTC(2026, 0, 31, 12);

export function sampleContent(recipients: readonly Uint8Array[] = [OWNER.public.recipient]): BundleContent {
  const random = seededRandom('writer');
  return {
    vaultId: random.bytes(16),
    generation: random.bytes(16),
    writerId: random.bytes(16),
    createdAt: MOMENT,
    recipients,
    secrets: createGenerationSecrets(random),
    signingKey: createSigningKey(random),
  };
}

export function sampleBundle(content: BundleContent = sampleContent()): Bundle {
  return createBundle(content, OWNER.signingKey, seededRandom('bundle'));
}

export function keyText(key: VerifyingKey): string {
  return hex(key.ed25519) + hex(key.mlDsa65);
}

export function signingText(key: SigningKey): string {
  return hex(key.ed25519) + hex(key.mlDsa65);
}

export async function keyVectors(): Promise<VectorCollection> {
  const file = new VectorCollection(
    'Key hierarchy, recipients and signatures (FORMAT.md §3.2 to §3.4). random in §3.10 order.',
  );
  const context = seededRandom('context').bytes(53);
  for (const label of Object.values(LABELS)) {
    const given = {
      secret: hex(MASTER_SEED),
      label,
      context: label.startsWith('owner') ? '' : hex(context.subarray(0, label === 'shard mask' ? 53 : 32)),
    };
    await file.accept(`derive ${label}`, 'derive', '3.2', given);
  }
  const purposes = [
    'recipient',
    'bundle',
    'envelope key',
    'envelope commitment',
    'envelope body',
    'master key',
    'chunk',
    'index segment',
    'snapshot',
  ];
  for (const purpose of purposes) await file.accept(`tag ${purpose}`, 'tag', '3.1', { purpose });
  await file.accept('owner', 'owner', '3.2', { masterSeed: hex(MASTER_SEED) });
  await signatureVectors(file);
  return file;
}

async function signatureVectors(file: VectorCollection): Promise<void> {
  const key = sampleContent().signingKey;
  const message = Buffer.from('a message');
  const [domain, rnd] = ['snapshot', seededRandom('rnd').bytes(32)];
  const given = { signingKey: signingText(key), domain, message: hex(message), rnd: hex(rnd) };
  await file.accept('sign, hedged', 'sign', 'F-3.4.2', given);
  await file.accept('sign, deterministic', 'sign', 'F-3.4.2', { ...given, rnd: hex(Buffer.alloc(32)) });
  const signature = sign(key, domain, message, { bytes: () => rnd });
  await file.accept('signature', 'verify-signature', 'F-3.4.1', {
    verifyingKey: keyText(verifyingKeyOf(key)),
    domain,
    message: hex(message),
    signature: hex(signature),
  });
  const valid = {
    verifyingKey: changed('signature'),
    domain,
    message: changed('signature'),
    signature: changed('signature'),
  };
  const refuse = async (id: string, change: object): Promise<void> =>
    file.refuse(`signature, ${id}`, 'verify-signature', ['F-3.4.1', AUTH], { ...valid, ...change });
  await refuse('another domain', { domain: 'bundle' });
  await refuse('another message', { message: changed('signature', [0, 1, '41']) });
  await refuse('Ed25519 half changed', { signature: changed('signature', flipped(signature, 0)) });
  await refuse('ML-DSA half changed', { signature: changed('signature', flipped(signature, 64)) });
  await refuse('halves swapped', {
    signature: hex(Buffer.concat([signature.subarray(64), signature.subarray(0, 64)])),
  });
  await refuse('Ed25519 half alone', { signature: changed('signature', [64, 3309, '']) });
  await refuse('ML-DSA half alone', { signature: changed('signature', [0, 64, '']) });
  await refuse('extended', { signature: changed('signature', [3373, 0, '00']) });
  await refuse('empty', { signature: '' });
  await refuse('another Ed25519 key', {
    verifyingKey: changed('signature', [0, 32, hex(OWNER.public.verifyingKey.ed25519)]),
  });
  await refuse('another ML-DSA key', {
    verifyingKey: changed('signature', [32, 1952, hex(OWNER.public.verifyingKey.mlDsa65)]),
  });
}

export async function envelopeVectors(): Promise<VectorCollection> {
  const file = new VectorCollection('Envelopes (FORMAT.md §3.6). random in §3.10 order.');
  const context = { purpose: 'bundle', aad: Buffer.from('header'), maxBytes: 1000 };
  const plaintext = Buffer.from('what only recipients may know');
  const random = seededRandom('envelope');
  const randomBytes = random.bytes(32 + 2 * 64);
  const shared = { purpose: 'bundle', aad: hex(context.aad), maxBytes: 1000 };
  const recipients = [OWNER.public.recipient, STRANGER.public.recipient];
  let offset = 0;
  const bytes = sealEnvelope(recipients, plaintext, context, {
    bytes: (n) => randomBytes.subarray(offset, (offset += n)),
  });
  await file.accept('seal', 'seal-envelope', '3.6', {
    ...shared,
    recipients: recipients.map(hex),
    plaintext: hex(plaintext),
    random: hex(randomBytes),
  });
  await file.accept('open', 'open-envelope', '3.6', { ...shared, xWingSeed: hex(OWNER.xWing.seed), bytes: hex(bytes) });
  await file.accept('open by the other', 'open-envelope', '3.6', {
    ...shared,
    xWingSeed: hex(STRANGER.xWing.seed),
    bytes: changed('open'),
  });
  const valid = { ...shared, xWingSeed: changed('open'), bytes: changed('open') };
  const refuse = async (id: string, rule: readonly [string, string], change: object): Promise<void> =>
    file.refuse(id, 'open-envelope', rule, { ...valid, ...change });
  await refuse('seed of nobody', ['F-3.6.3', 'key/wrong-key'], { xWingSeed: hex(seededRandom('nobody').bytes(32)) });
  await refuse('another purpose', ['F-3.6.4', AUTH], { purpose: 'snapshot' });
  await refuse('another aad', ['F-3.6.4', AUTH], { aad: changed('open', [0, 1, '48']) });
  await refuse('encapsulated key changed', ['F-3.6.4', AUTH], {
    bytes: changed('open', flipped(bytes, 17), flipped(bytes, 1 + 1184 + 16)),
  });
  const secondEnc = hex(bytes.subarray(1 + 1184 + 16, 1 + 1184 + 1136));
  await refuse('encapsulated keys swapped', ['F-3.6.4', AUTH], {
    bytes: changed('open', [17, 1120, secondEnc]),
    xWingSeed: hex(ownerAt(bytes, 0)),
  });
  await refuse('X25519 part all zeros', ['F-3.1.2', AUTH], {
    bytes: changed('open', [1 + 16 + 1088, 32, '00'.repeat(32)]),
    xWingSeed: hex(ownerAt(bytes, 0)),
  });
  await refuse('wraps changed', ['F-3.6.4', AUTH], {
    bytes: changed('open', flipped(bytes, 1 + 1136), flipped(bytes, 1 + 1184 + 1136)),
  });
  await refuse('commitment changed', ['F-3.6.4', AUTH], { bytes: changed('open', flipped(bytes, 1 + 2 * 1184)) });
  await refuse('body changed', ['F-3.6.6', AUTH], { bytes: changed('open', flipped(bytes, -20)) });
  await refuse('tag changed', ['F-3.6.6', AUTH], { bytes: changed('open', flipped(bytes, -1)) });
  await refuse('no recipients', ['F-3.6.2', BAD], { bytes: changed('open', [0, 1, '00']) });
  await refuse('17 recipients', ['F-3.6.2', BAD], { bytes: changed('open', [0, 1, '11']) });
  await refuse('one recipient counted', ['F-3.6.2', BAD], { bytes: changed('open', [0, 1, '01']) });
  const [first, second] = [hex(bytes.subarray(1, 1185)), hex(bytes.subarray(1185, 2369))];
  await refuse('recipients out of order', ['F-3.3.1', BAD], { bytes: changed('open', [1, 2368, second + first]) });
  await refuse('a recipient twice', ['F-3.3.1', BAD], { bytes: changed('open', [1, 2368, first + first]) });
  await refuse('body above what is allowed', ['F-3.6.2', BAD], { maxBytes: 20 });
  await refuse('body length below 20', ['F-3.6.2', BAD], { bytes: changed('open', [1 + 2368 + 32, 4, '00000013']) });
  await refuse('body length not padded', ['F-3.6.2', BAD], {
    bytes: changed('open', [1 + 2368 + 35, 1, hex(Buffer.of(bytes[1 + 2368 + 35]! - 1))], [-1, 1, '']),
  });
  await refuse('truncated', ['F-4.2.1', BAD], { bytes: changed('open', [-1, 1, '']) });
  await refuse('extended', ['F-4.2.1', BAD], { bytes: changed('open', [bytes.length, 0, '00']) });
  await refuse('empty', ['F-4.2.1', BAD], { bytes: '' });
  return file;
}

/** The seed of the recipient that stands at this place. */
function ownerAt(envelope: Uint8Array, place: number): Uint8Array {
  const fingerprint = hex(envelope.subarray(1 + place * 1184, 17 + place * 1184));
  const bundle = sampleBundle();
  return hex(bundle.header.recipients[0]!) === fingerprint ? OWNER.xWing.seed : STRANGER.xWing.seed;
}

export async function bundleVectors(): Promise<VectorCollection> {
  const file = new VectorCollection('Bundles (FORMAT.md §3.5).');
  const content = sampleContent();
  const bundle = sampleBundle(content);
  const bytes = encodeBundle(bundle);
  await file.accept('bundle', 'bundle', '3.5', { masterSeed: hex(MASTER_SEED), bytes: hex(bytes) });
  const valid = { masterSeed: changed('bundle') };
  const refuse = async (id: string, rule: readonly [string, string], change: object): Promise<void> =>
    file.refuse(id, 'bundle', rule, { ...valid, ...change });
  const header = bundle.headerBytes.length;
  const splice = (...splices: readonly Splice[]): object => ({ bytes: changed('bundle', ...splices) });
  await refuse('another owner', ['F-3.5.3', 'key/wrong-key'], { masterSeed: hex(STRANGER_SEED), ...splice() });
  await refuse('version 2', ['F-1.3.1', 'format/newer'], splice([9, 1, '32']));
  await refuse('version 10', ['F-1.3.1', 'format/newer'], splice([9, 1, '3130']));
  await refuse('another kind', ['F-1.3.1', BAD], splice([11, 6, hex(Buffer.from('bungle'))]));
  await refuse('first line changed', ['F-1.3.1', BAD], splice([0, 1, '56']));
  await refuse('vault id changed', ['F-3.5.3', AUTH], splice(flipped(bytes, 18)));
  await refuse('generation changed', ['F-3.5.3', AUTH], splice(flipped(bytes, 34)));
  await refuse('writer id changed', ['F-3.5.3', AUTH], splice(flipped(bytes, 50)));
  await refuse('time changed', ['F-3.5.3', AUTH], splice(flipped(bytes, 73)));
  await refuse('time above 2^53 - 1', ['F-4.1.1', BAD], splice([66, 8, '0020000000000000']));
  await refuse('verifying key changed', ['F-3.5.3', AUTH], splice(flipped(bytes, 80)));
  await refuse('no recipients', ['F-3.3.1', BAD], splice([header - 17, 1, '00']));
  await refuse('17 recipients', ['F-3.3.1', BAD], splice([header - 17, 1, '11']));
  await refuse('fingerprint changed in the header', ['F-3.5.2', BAD], splice(flipped(bytes, header - 1)));
  await refuse(
    'fingerprint changed in header and envelope',
    ['F-3.5.3', 'key/wrong-key'],
    splice(flipped(bytes, header - 1), flipped(bytes, header + 4 + 1 + 15)),
  );
  await refuse('envelope changed', ['F-3.5.3', AUTH], splice(flipped(bytes, -3373 - 1)));
  await refuse('envelope longer than allowed', ['F-4.2.2', BAD], splice([header, 4, '00020001']));
  await refuse('signature changed', ['F-3.5.3', AUTH], splice(flipped(bytes, -1)));
  await refuse(
    'signature of another owner',
    ['F-3.5.3', AUTH],
    splice([-3373, 3373, hex(createBundle(content, STRANGER.signingKey, seededRandom('bundle')).signature)]),
  );
  await refuse('truncated', ['F-4.2.1', BAD], splice([-1, 1, '']));
  await refuse('extended', ['F-4.2.1', BAD], splice([bytes.length, 0, '00']));
  await refuse('cut in the header', ['F-4.2.1', BAD], splice([100, bytes.length, '']));
  await refuse('another signing key inside', ['F-3.5.3', AUTH], { bytes: hex(withOtherKeyInside(bundle, content)) });
  return file;
}

/** Rightly signed and sealed, but the writer's key in the header is not that of the signing key inside. */
function withOtherKeyInside(bundle: Bundle, content: BundleContent): Uint8Array {
  const { secrets } = content;
  const inside = [
    secrets.contentIdKey,
    secrets.boundaryKey,
    secrets.indexKey,
    secrets.maskKey,
    seededRandom('other').bytes(64),
    Buffer.alloc(4),
  ];
  const context = { purpose: 'bundle', aad: bundle.headerBytes, maxBytes: 65_536 };
  const sealed = sealEnvelope(content.recipients, Buffer.concat(inside), context, seededRandom('inside'));
  const message = Buffer.concat([bundle.headerBytes, sha256(sealed)]);
  return encodeBundle({
    ...bundle,
    sealed,
    signature: sign(OWNER.signingKey, 'bundle', message, seededRandom('signature')),
  });
}
