import { DeleteObjectCommand, HeadBucketCommand, HeadObjectCommand } from '@aws-sdk/client-s3';
import type { HeadObjectCommandOutput } from '@aws-sdk/client-s3';
import { equalBytes } from '../../core/bytes.ts';
import { isValenceError } from '../../core/errors.ts';
import type { CallOptions, GetOptions, ObjectInfo } from '../backend.ts';
import type { S3Call, S3Calls } from './s3-calls.ts';
import { storeCode } from './s3-calls.ts';
import { listObjects, listVersions } from './s3-listing.ts';
import type { S3Reads } from './s3-read.ts';
import { invalidRange } from './s3-read.ts';
import { isNamedFor } from './stored-objects.ts';
import type { Held, PutBody, StoredObjects } from './stored-objects.ts';

/** A bucket as it shows itself: one object a name. */
export class PlainObjects implements StoredObjects {
  readonly #calls: S3Calls;
  readonly #reads: S3Reads;
  /** The key may list and not read; found out once. */
  #listsOnly = false;

  constructor(calls: S3Calls, reads: S3Reads) {
    this.#calls = calls;
    this.#reads = reads;
  }

  async get(name: string, { range, signal }: GetOptions): Promise<Uint8Array> {
    const call = { operation: 'get', object: name, signal };
    if (range?.length !== 0) return this.#read(call, name, range);
    const info = await this.#find(call, name);
    if (info === null) throw this.#calls.error('backend/not-found', call, 'no such object');
    if (range.offset > info.sizeBytes) throw invalidRange(this.#calls, call, range, info.sizeBytes);
    return new Uint8Array(0);
  }

  /** A key that may not read is denied what is not there as well; a listing tells the two apart. */
  async #read(
    call: S3Call & { readonly object: string },
    name: string,
    range: GetOptions['range'],
  ): Promise<Uint8Array> {
    try {
      return await this.#reads.read({ call, range });
    } catch (error) {
      const mayBeAbsent = isValenceError(error, 'backend/denied') && storeCode(error) === 'AccessDenied';
      if (!mayBeAbsent || (await this.#findListed(call, name, error)) !== null) throw error;
      throw this.#calls.error('backend/not-found', call, 'no such object');
    }
  }

  stat(name: string, { signal }: CallOptions): Promise<ObjectInfo | null> {
    return this.#find({ operation: 'stat', object: name, signal }, name);
  }

  list(prefix: string, { signal }: CallOptions): AsyncIterable<ObjectInfo> {
    return listObjects(this.#calls, { operation: 'list', object: prefix, signal }, prefix);
  }

  async delete(name: string, { signal }: CallOptions): Promise<void> {
    const call = { operation: 'delete', object: name, signal };
    const input = this.#calls.at(name);
    try {
      const { DeleteMarker: isHidden } = await this.#calls.run(call, (client, options) =>
        client.send(new DeleteObjectCommand(input), options),
      );
      if (isHidden === true) await this.#removeVersions(call, name);
    } catch (error) {
      if (!isValenceError(error, 'backend/not-found') && !(await this.#failsOnAbsence(call, name, error))) throw error;
    }
  }

  /** A store over folders fails where the name is a folder of other objects (rclone does). */
  async #failsOnAbsence(call: S3Call, name: string, error: unknown): Promise<boolean> {
    if (storeCode(error) !== 'InternalError') return false;
    return (await this.#find(call, name)) === null;
  }

  async holds(body: PutBody, checksums: boolean, { signal }: CallOptions): Promise<Held> {
    const call = { operation: 'put', object: body.name, signal };
    if (this.#listsOnly) return this.#holdsByListing(call, body);
    try {
      const head = await this.#head(call, body.name, checksums);
      if (head === null) return 'absent';
      if (head.ContentLength !== body.bytes.length) return 'other';
      const compared = compareChecksum(head, body.sha256);
      if (compared !== null) return compared;
      return equalBytes(await this.#reads.read({ call }), body.bytes) ? 'equal' : 'other';
    } catch (error) {
      if (isValenceError(error, 'backend/not-found')) return 'absent';
      if (!isValenceError(error, 'backend/denied', 'backend/archived')) throw error;
      return this.#holdsByListing(call, body, error);
    }
  }

  async #holdsByListing(call: S3Call, body: PutBody, denied?: Error): Promise<Held> {
    const listed = await this.#findListed(call, body.name, denied);
    if (listed === null) return 'absent';
    return listed.sizeBytes === body.bytes.length && isNamedFor(body.name, body.sha256) ? 'equal' : 'other';
  }

  async #find(call: S3Call, name: string): Promise<ObjectInfo | null> {
    if (this.#listsOnly) return this.#findListed(call, name);
    try {
      const head = await this.#head(call, name, false);
      if (head !== null) return { name, sizeBytes: head.ContentLength ?? 0 };
      await this.#checkBucket(call);
      return null;
    } catch (error) {
      if (!isValenceError(error, 'backend/denied')) throw error;
      const found = await this.#findListed(call, name, error);
      this.#listsOnly = true;
      return found;
    }
  }

  /** `denied`: what it was that may not be done otherwise; it says more than that listing is not allowed either. */
  async #findListed(call: S3Call, name: string, denied?: Error): Promise<ObjectInfo | null> {
    try {
      for await (const info of listObjects(this.#calls, call, name)) {
        if (info.name === name) return info;
        if (info.name > name) return null;
      }
      return null;
    } catch (error) {
      throw denied !== undefined && isValenceError(error, 'backend/denied') ? denied : error;
    }
  }

  /** What is asked without a body is answered without one, and then a missing bucket looks like a missing object. */
  async #checkBucket(call: S3Call): Promise<void> {
    try {
      const input = { Bucket: this.#calls.bucket };
      await this.#calls.run(call, (client, options) => client.send(new HeadBucketCommand(input), options));
    } catch (error) {
      if (!isValenceError(error, 'backend/not-found')) throw error;
      throw this.#calls.error('backend/unavailable', call, `bucket ${this.#calls.bucket} is gone`, {
        hint: 'look for the bucket with a tool of the store',
        transient: false,
        cause: error.cause,
      });
    }
  }

  async #head(call: S3Call, name: string, checksums: boolean): Promise<HeadObjectCommandOutput | null> {
    const input = { ...this.#calls.at(name), ...(checksums && { ChecksumMode: 'ENABLED' as const }) };
    try {
      return await this.#calls.run(call, (client, options) => client.send(new HeadObjectCommand(input), options));
    } catch (error) {
      if (isValenceError(error, 'backend/not-found')) return null;
      throw error;
    }
  }

  /** What a bucket with versions keeps of a deleted object costs money. Whoever may only hide, hides. */
  async #removeVersions(call: S3Call, name: string): Promise<void> {
    try {
      for await (const version of listVersions(this.#calls, call, name)) {
        if (version.name !== name) continue;
        const input = { ...this.#calls.at(name), VersionId: version.versionId };
        await this.#calls.run(call, (client, options) => client.send(new DeleteObjectCommand(input), options));
      }
    } catch (error) {
      if (!isValenceError(error, 'backend/denied', 'backend/locked')) throw error;
    }
  }
}

/** By the checksum that the store computed when it was put; `null` where it has none of the whole object. */
export function compareChecksum(head: HeadObjectCommandOutput, sha256: Buffer): 'equal' | 'other' | null {
  const { ChecksumSHA256: checksum, ChecksumType: type } = head;
  if (checksum === undefined || type === 'COMPOSITE' || checksum.includes('-')) return null;
  return checksum === sha256.toString('base64') ? 'equal' : 'other';
}
