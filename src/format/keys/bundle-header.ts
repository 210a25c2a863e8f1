import { ByteWriter } from '../../core/bytes.ts';
import type { ByteReader } from '../../core/bytes.ts';
import { invariant } from '../../core/errors.ts';
import { expectMagic, magic } from '../magic.ts';
import { RECIPIENTS_MAX } from './envelope.ts';
import { FINGERPRINT_BYTES, compareFingerprints } from './recipient.ts';
import { ED25519_PUBLIC_KEY_BYTES, ML_DSA_65_PUBLIC_KEY_BYTES } from './signature.ts';
import type { VerifyingKey } from './signature.ts';

/** The part of a bundle that anyone can read: which writer of which vault, and for whom it is sealed. */
export interface BundleHeader {
  /** 16 bytes. */
  readonly vaultId: Uint8Array;
  /** 16 bytes. */
  readonly generation: Uint8Array;
  /** 16 bytes. */
  readonly writerId: Uint8Array;
  /** Milliseconds since 1970-01-01T00:00:00Z; informative only. */
  readonly createdAt: number;
  /** What the writer's index segments and manifests are verified with. */
  readonly writer: VerifyingKey;
  /** Fingerprints of the recipients, ascending, 1 to 16. */
  readonly recipients: readonly Uint8Array[];
}

const KIND = 'bundle';
const ID_BYTES = 16;

/** The magic line and the fields of the header in the order of FORMAT.md §3.5. */
export function encodeBundleHeader(header: BundleHeader): Uint8Array {
  const ids = [header.vaultId, header.generation, header.writerId];
  invariant(
    ids.every((id) => id.length === ID_BYTES),
    'ids of a bundle must have 16 bytes',
  );
  const writer = new ByteWriter(2400).bytes(magic(KIND));
  for (const id of ids) writer.bytes(id);
  writer.u64(header.createdAt).bytes(header.writer.ed25519).bytes(header.writer.mlDsa65).u8(header.recipients.length);
  for (const fingerprint of header.recipients) writer.bytes(fingerprint);
  return writer.finish();
}

/** Reads the magic line and the header. @throws `format/malformed`, `format/newer` */
export function readBundleHeader(reader: ByteReader): BundleHeader {
  expectMagic(reader, KIND);
  const vaultId = reader.bytes(ID_BYTES);
  const generation = reader.bytes(ID_BYTES);
  const writerId = reader.bytes(ID_BYTES);
  const createdAt = reader.u64();
  const ed25519 = reader.bytes(ED25519_PUBLIC_KEY_BYTES);
  const mlDsa65 = reader.bytes(ML_DSA_65_PUBLIC_KEY_BYTES);
  const count = reader.u8();
  if (count < 1 || count > RECIPIENTS_MAX) reader.fail(`${count} recipients, 1 to ${RECIPIENTS_MAX} allowed`);
  const recipients: Uint8Array[] = [];
  for (let index = 0; index < count; index += 1) {
    const fingerprint = reader.bytes(FINGERPRINT_BYTES);
    const previous = recipients.at(-1);
    if (previous && compareFingerprints(previous, fingerprint) >= 0)
      reader.fail('recipients are not in ascending order');
    recipients.push(fingerprint);
  }
  return { vaultId, generation, writerId, createdAt, writer: { ed25519, mlDsa65 }, recipients };
}
