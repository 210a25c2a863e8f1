import type { ByteReader, ByteWriter } from '../../core/bytes.ts';
import type { Random } from '../../core/random.ts';
import { SIGNING_SEED_BYTES } from './signature.ts';
import type { SigningKey } from './signature.ts';

/** The keys that all writers of one generation share, 32 bytes each. */
export interface GenerationSecrets {
  /** Keys the content ids of rows and trees. */
  readonly contentIdKey: Uint8Array;
  /** Decides where trees are cut. */
  readonly boundaryKey: Uint8Array;
  /** Opens the index: where chunks and shards lie. */
  readonly indexKey: Uint8Array;
  /** Root of the masks of shards. */
  readonly maskKey: Uint8Array;
}

/** What a bundle holds sealed: the generation's keys and one writer's own signing key. */
export interface WriterSecrets {
  readonly secrets: GenerationSecrets;
  readonly signingKey: SigningKey;
}

/** Length of the encoded `WriterSecrets`. */
export const WRITER_SECRETS_BYTES = 192;

const SECRET_BYTES = 32;

/** Takes 128 bytes from `random`: content-id, boundary, index and mask key, in this order. */
export function createGenerationSecrets(random: Random): GenerationSecrets {
  return {
    contentIdKey: random.bytes(SECRET_BYTES),
    boundaryKey: random.bytes(SECRET_BYTES),
    indexKey: random.bytes(SECRET_BYTES),
    maskKey: random.bytes(SECRET_BYTES),
  };
}

/** Appends the 192 bytes of the secrets in the order of FORMAT.md §3.5. */
export function writeWriterSecrets(writer: ByteWriter, { secrets, signingKey }: WriterSecrets): void {
  writer.bytes(secrets.contentIdKey).bytes(secrets.boundaryKey).bytes(secrets.indexKey).bytes(secrets.maskKey);
  writer.bytes(signingKey.ed25519).bytes(signingKey.mlDsa65);
}

/** Reads what `writeWriterSecrets` wrote. @throws `format/malformed` */
export function readWriterSecrets(reader: ByteReader): WriterSecrets {
  const secrets: GenerationSecrets = {
    contentIdKey: reader.bytes(SECRET_BYTES),
    boundaryKey: reader.bytes(SECRET_BYTES),
    indexKey: reader.bytes(SECRET_BYTES),
    maskKey: reader.bytes(SECRET_BYTES),
  };
  return {
    secrets,
    signingKey: { ed25519: reader.bytes(SIGNING_SEED_BYTES), mlDsa65: reader.bytes(SIGNING_SEED_BYTES) },
  };
}
