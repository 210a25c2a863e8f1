import {
  DeleteObjectCommand,
  GetObjectRetentionCommand,
  HeadObjectCommand,
  PutObjectRetentionCommand,
} from '@aws-sdk/client-s3';
import type { ObjectLockRetention } from '@aws-sdk/client-s3';
import { createHash } from 'node:crypto';
import { equalBytes } from '../../core/bytes.ts';
import { isValenceError } from '../../core/errors.ts';
import type { ValenceError } from '../../core/errors.ts';
import { isTransient } from '../backend-error.ts';
import type { CallOptions, GetOptions, ObjectInfo } from '../backend.ts';
import { compareChecksum } from './plain-objects.ts';
import type { S3Call, S3Calls } from './s3-calls.ts';
import { storeCode } from './s3-calls.ts';
import { LOCKED } from './s3-errors.ts';
import type { VersionEntry } from './s3-listing.ts';
import { listVersions } from './s3-listing.ts';
import type { Reading, S3Reads } from './s3-read.ts';
import { invalidRange } from './s3-read.ts';
import { isNamedFor } from './stored-objects.ts';
import type { Held, PutBody, StoredObjects } from './stored-objects.ts';

/** A name with more versions than this was written over by somebody who wants us to read for ever. */
const VERSIONS_READ_MAX = 32;
const VERSIONS_LISTED_MAX = 100_000;
/** So that the parts of one object cost one listing. */
const REMEMBERED_MAX = 4096;

export type LockMode = 'GOVERNANCE' | 'COMPLIANCE';

type ObjectCall = S3Call & { readonly object: string };

/**
 * A bucket under object lock. An object is there as long as any version of it is: delete markers hide nothing, and of
 * several versions the oldest counts, since whoever writes over a name writes later. Where the caller knows the digest,
 * the version that has it counts; for a part of an object the one whose checksum the store says is that digest, or that
 * was read whole with it before, else the oldest.
 */
export class VersionedObjects implements StoredObjects {
  readonly #calls: S3Calls;
  readonly #reads: S3Reads;
  readonly #mode: LockMode;
  readonly #right = new Map<string, string>();

  constructor(calls: S3Calls, reads: S3Reads, mode: LockMode) {
    this.#calls = calls;
    this.#reads = reads;
    this.#mode = mode;
  }

  async get(name: string, options: GetOptions): Promise<Uint8Array> {
    const { range, digest, signal } = options;
    const call: ObjectCall = { operation: 'get', object: name, signal };
    if (range?.length === 0) return this.#readNothing(call, range);
    if (range !== undefined) return this.#readPart(call, range, digest);
    return digest === undefined ? this.#readOldest(call) : this.#readWith(call, digest);
  }

  async stat(name: string, { signal }: CallOptions): Promise<ObjectInfo | null> {
    const oldest = (await this.#versions({ operation: 'stat', object: name, signal }))[0];
    return oldest === undefined ? null : { name, sizeBytes: oldest.sizeBytes };
  }

  async *list(prefix: string, { signal }: CallOptions): AsyncIterable<ObjectInfo> {
    let oldest: VersionEntry | undefined;
    for await (const entry of listVersions(this.#calls, { operation: 'list', object: prefix, signal }, prefix)) {
      if (entry.isMarker) continue;
      if (oldest !== undefined && oldest.name !== entry.name) yield { name: oldest.name, sizeBytes: oldest.sizeBytes };
      oldest = entry;
    }
    signal?.throwIfAborted();
    if (oldest !== undefined) yield { name: oldest.name, sizeBytes: oldest.sizeBytes };
  }

  /** The oldest first: what is locked is most likely that one, and then nothing has been removed. */
  async delete(name: string, { signal }: CallOptions): Promise<void> {
    const call: ObjectCall = { operation: 'delete', object: name, signal };
    this.#right.delete(name);
    for (const { versionId } of await this.#everything(call)) {
      const input = { ...this.#calls.at(name), VersionId: versionId };
      try {
        await this.#calls.run(call, (client, options) => client.send(new DeleteObjectCommand(input), options));
      } catch (error) {
        if (isValenceError(error, 'backend/not-found')) continue;
        if (!isValenceError(error, 'backend/denied') || !(await this.#isLocked(call, versionId))) throw error;
        throw this.#calls.error('backend/locked', call, LOCKED.reason, { hint: LOCKED.hint, cause: error.cause });
      }
    }
  }

  async holds(body: PutBody, checksums: boolean, { signal }: CallOptions): Promise<Held> {
    const call: ObjectCall = { operation: 'put', object: body.name, signal };
    const versions = await this.#versions(call);
    if (versions.length === 0) return 'absent';
    const candidates = versions.filter(({ sizeBytes }) => sizeBytes === body.bytes.length);
    for (const { versionId } of candidates.slice(0, VERSIONS_READ_MAX)) {
      if (await this.#isEqual(call, body, { versionId, checksums })) return 'equal';
    }
    return 'other';
  }

  /** Every version, since it is not known here which of them is the right one. Longer locks stay as they are. */
  readonly lock = async (name: string, until: number, { signal }: CallOptions): Promise<void> => {
    const call: ObjectCall = { operation: 'lock', object: name, signal };
    const versions = await this.#versions(call);
    if (versions.length === 0) throw this.#calls.error('backend/not-found', call, 'no such object');
    for (const { versionId } of versions.slice(0, VERSIONS_READ_MAX)) await this.#lockVersion(call, versionId, until);
  };

  async #lockVersion(call: ObjectCall, versionId: string, until: number): Promise<void> {
    const locked = await this.#retention(call, versionId);
    if ((locked?.RetainUntilDate?.getTime() ?? 0) >= until) return;
    const input = {
      ...this.#calls.at(call.object),
      VersionId: versionId,
      Retention: {
        Mode: locked?.Mode === 'COMPLIANCE' ? locked.Mode : this.#mode,
        RetainUntilDate: wholeSecond(until),
      },
    };
    await this.#calls.run(call, (client, options) => client.send(new PutObjectRetentionCommand(input), options));
  }

  /** `null`: not locked, or this key may not know. */
  async #retention(call: ObjectCall, versionId: string): Promise<ObjectLockRetention | null> {
    const input = { ...this.#calls.at(call.object), VersionId: versionId };
    try {
      const output = await this.#calls.run(call, (client, options) =>
        client.send(new GetObjectRetentionCommand(input), options),
      );
      return output.Retention ?? null;
    } catch (error) {
      const isUnlocked = storeCode(error) === 'NoSuchObjectLockConfiguration';
      if (isUnlocked || isValenceError(error, 'backend/denied')) return null;
      throw error;
    }
  }

  async #isLocked(call: ObjectCall, versionId: string): Promise<boolean> {
    const until = (await this.#retention(call, versionId))?.RetainUntilDate;
    return until !== undefined && until.getTime() > this.#calls.clock.now();
  }

  async #isEqual(
    call: ObjectCall,
    body: PutBody,
    { versionId, checksums }: { versionId: string; checksums: boolean },
  ): Promise<boolean> {
    try {
      const compared = checksums ? await this.#checksumIs(call, versionId, body.sha256) : null;
      return compared ?? equalBytes(await this.#reads.read({ call, versionId }), body.bytes);
    } catch (error) {
      if (isValenceError(error, 'backend/not-found')) return false;
      if (isValenceError(error, 'backend/denied', 'backend/archived')) return isNamedFor(body.name, body.sha256);
      throw error;
    }
  }

  /** `null`: the store keeps no such checksum. */
  async #checksumIs(call: ObjectCall, versionId: string, sha256: Buffer): Promise<boolean | null> {
    const input = { ...this.#calls.at(call.object), VersionId: versionId, ChecksumMode: 'ENABLED' as const };
    const head = await this.#calls.run(call, (client, options) => client.send(new HeadObjectCommand(input), options));
    const compared = compareChecksum(head, sha256);
    return compared === null ? null : compared === 'equal';
  }

  async #readNothing(call: ObjectCall, range: NonNullable<GetOptions['range']>): Promise<Uint8Array> {
    const oldest = (await this.#versions(call))[0];
    if (oldest === undefined) throw this.#calls.error('backend/not-found', call, 'no such object');
    if (range.offset > oldest.sizeBytes) throw invalidRange(this.#calls, call, range, oldest.sizeBytes);
    return new Uint8Array(0);
  }

  async #readPart(
    call: ObjectCall,
    range: NonNullable<GetOptions['range']>,
    digest: Uint8Array | undefined,
  ): Promise<Uint8Array> {
    const remembered = this.#right.get(call.object);
    if (remembered !== undefined) {
      try {
        return await this.#reads.read({ call, range, versionId: remembered });
      } catch (error) {
        if (!isValenceError(error, 'backend/not-found')) throw error;
        this.#right.delete(call.object);
      }
    }
    const versionId = await this.#pick(call, digest);
    this.#remember(call.object, versionId);
    return this.#reads.read({ call, range, versionId });
  }

  async #pick(call: ObjectCall, digest: Uint8Array | undefined): Promise<string> {
    const versions = await this.#versions(call);
    const oldest = versions[0];
    if (oldest === undefined) throw this.#calls.error('backend/not-found', call, 'no such object');
    if (digest === undefined || versions.length === 1) return oldest.versionId;
    for (const { versionId } of versions.slice(0, VERSIONS_READ_MAX)) {
      const isRight = await this.#checksumIs(call, versionId, Buffer.from(digest)).catch((error: unknown) => {
        call.signal?.throwIfAborted();
        // A store without checksums refuses to be asked for them; then the oldest it is.
        if (isValenceError(error)) return null;
        throw error;
      });
      if (isRight === true) return versionId;
    }
    return oldest.versionId;
  }

  async #readOldest(call: ObjectCall): Promise<Uint8Array> {
    const oldest = (await this.#versions(call))[0];
    if (oldest === undefined) throw this.#calls.error('backend/not-found', call, 'no such object');
    return this.#reads.read({ call, versionId: oldest.versionId });
  }

  /** Nearly always the current version is right, which saves the listing. */
  async #readWith(call: ObjectCall, digest: Uint8Array): Promise<Uint8Array> {
    const current = await this.#attempt({ call });
    if (current.bytes !== null && isDigestOf(digest, current.bytes)) return current.bytes;
    const versions = await this.#versions(call);
    let first: Uint8Array | null = null;
    let failure: ValenceError | null = null;
    for (const { versionId } of versions.slice(0, VERSIONS_READ_MAX)) {
      const { bytes, error } = await this.#attempt({ call, versionId });
      if (bytes !== null && isDigestOf(digest, bytes)) {
        this.#remember(call.object, versionId);
        return bytes;
      }
      first ??= bytes;
      failure ??= error;
    }
    if (first !== null) return first;
    throw failure ?? this.#calls.error('backend/not-found', call, 'no such object');
  }

  /** One version that cannot be read must not hide the others; what may go better a moment later is thrown. */
  async #attempt(
    reading: Reading,
  ): Promise<
    { readonly bytes: Uint8Array; readonly error: null } | { readonly bytes: null; readonly error: ValenceError }
  > {
    try {
      return { bytes: await this.#reads.read(reading), error: null };
    } catch (error) {
      if (!isValenceError(error) || isTransient(error)) throw error;
      return { bytes: null, error };
    }
  }

  /** Oldest first, without markers. */
  async #versions(call: ObjectCall): Promise<VersionEntry[]> {
    return (await this.#everything(call)).filter(({ isMarker }) => !isMarker);
  }

  /** The versions, oldest first, then the markers. */
  async #everything(call: ObjectCall): Promise<VersionEntry[]> {
    const [versions, markers]: [VersionEntry[], VersionEntry[]] = [[], []];
    for await (const entry of listVersions(this.#calls, call, call.object)) {
      // A name sorts before those that begin with it.
      if (entry.name !== call.object) break;
      (entry.isMarker ? markers : versions).push(entry);
      if (versions.length + markers.length >= VERSIONS_LISTED_MAX) {
        throw this.#calls.error('backend/unavailable', call, 'too many versions of one object', { transient: false });
      }
    }
    return [...versions.toReversed(), ...markers];
  }

  #remember(name: string, versionId: string): void {
    const eldest = this.#right.keys().next().value;
    if (this.#right.size >= REMEMBERED_MAX && eldest !== undefined) this.#right.delete(eldest);
    this.#right.set(name, versionId);
  }
}

/** Stores keep seconds; a lock must not end before it was asked to. */
export function wholeSecond(at: number): Date {
  return new Date(Math.ceil(at / 1000) * 1000);
}

function isDigestOf(digest: Uint8Array, bytes: Uint8Array): boolean {
  return equalBytes(createHash('sha256').update(bytes).digest(), digest);
}
