import { GetObjectCommand, RestoreObjectCommand } from '@aws-sdk/client-s3';
import type { GetObjectCommandOutput } from '@aws-sdk/client-s3';
import { Readable } from 'node:stream';
import { isValenceError } from '../../core/errors.ts';
import type { GetOptions } from '../backend.ts';
import type { S3Call, S3Calls } from './s3-calls.ts';

/** Reads one object, or a range of it, and believes no length that it has not counted. */

const MIB = 1024 * 1024;
/** A guard for the reader's memory against an object that is not ours; the largest of ours, a manifest, stays below (FORMAT.md §11). */
export const OBJECT_BYTES_MAX: number = 16 * MIB;

type Range = NonNullable<GetOptions['range']>;

export interface Reading {
  readonly call: S3Call & { readonly object: string };
  /** At least one byte long: HTTP has no empty range. */
  readonly range?: Range | undefined;
  readonly versionId?: string | undefined;
}

/** Asks for archived objects to be warmed. */
export class S3Reads {
  readonly #calls: S3Calls;
  readonly #restoreDays: number;

  constructor(calls: S3Calls, restoreDays: number) {
    this.#calls = calls;
    this.#restoreDays = restoreDays;
  }

  /** @throws `backend/not-found`, `backend/invalid-range`; `backend/archived` after asking for it back */
  async read(reading: Reading): Promise<Uint8Array> {
    const { call, range, versionId } = reading;
    const input = { ...this.#calls.at(call.object), VersionId: versionId, Range: range && header(range) };
    try {
      return await this.#calls.run(call, async (client, options) =>
        this.#received(reading, await client.send(new GetObjectCommand(input), options)),
      );
    } catch (error) {
      if (!isValenceError(error, 'backend/archived')) throw error;
      const requested = await this.#ask(reading, error.context['storageClass'] === 'INTELLIGENT_TIERING');
      throw this.#calls.error('backend/archived', call, error.message.slice(error.message.lastIndexOf(': ') + 2), {
        hint: requested
          ? 'it has been asked for; try again when the store has warmed it, which takes hours'
          : 'it could not be asked for: the key needs the right s3:RestoreObject, or ask for it with a tool of the store',
        context: { ...error.context, requested },
        cause: error.cause,
      });
    }
  }

  /** True if it is on its way. A class that moves by itself takes no number of days. */
  async #ask({ call, versionId }: Reading, movesByItself: boolean): Promise<boolean> {
    const request = movesByItself
      ? {}
      : { Days: this.#restoreDays, GlacierJobParameters: { Tier: 'Standard' as const } };
    const input = { ...this.#calls.at(call.object), VersionId: versionId, RestoreRequest: request };
    try {
      await this.#calls.run(call, (client, options) => client.send(new RestoreObjectCommand(input), options));
      return true;
    } catch (error) {
      call.signal?.throwIfAborted();
      return isValenceError(error) && error.context['storeCode'] === 'RestoreAlreadyInProgress';
    }
  }

  async #received({ call, range }: Reading, output: GetObjectCommandOutput): Promise<Uint8Array> {
    const { Body: body, ContentLength: declared } = output;
    if (!(body instanceof Readable)) {
      throw this.#calls.error('backend/unavailable', call, 'an answer without a body');
    }
    const total = totalOf(output);
    const excess = this.#excess(call, range, total);
    if (excess !== null || (declared ?? 0) > OBJECT_BYTES_MAX) {
      // Left unread, it would keep the connection.
      body.destroy();
      throw excess ?? this.#tooLarge(call, declared ?? 0);
    }
    const bytes = await this.#collect(call, body);
    if (declared !== undefined && bytes.length !== declared) throw this.#wrongLength(call, bytes.length, declared);
    if (range === undefined) return bytes;
    return this.#cut(call, bytes, { range, isPart: output.ContentRange !== undefined, rangeOf: output.ContentRange });
  }

  async #collect(call: S3Call, body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
    const pieces: Uint8Array[] = [];
    let length = 0;
    for await (const piece of body) {
      length += piece.length;
      if (length > OBJECT_BYTES_MAX) throw this.#tooLarge(call, length);
      pieces.push(piece);
    }
    return Buffer.concat(pieces, length);
  }

  /** A store may give the whole object where it was asked for a part. */
  #cut(
    call: S3Call,
    bytes: Uint8Array,
    { range, isPart, rangeOf }: { range: Range; isPart: boolean; rangeOf: string | undefined },
  ): Uint8Array {
    if (!isPart) {
      const excess = this.#excess(call, range, bytes.length);
      if (excess !== null) throw excess;
      return bytes.subarray(range.offset, range.offset + range.length);
    }
    const isAsked = rangeOf?.startsWith(`bytes ${range.offset}-`) ?? false;
    if (!isAsked || bytes.length !== range.length) throw this.#wrongLength(call, bytes.length, range.length);
    return bytes;
  }

  #excess(call: S3Call, range: Range | undefined, total: number | null): Error | null {
    if (range === undefined || total === null || range.offset + range.length <= total) return null;
    return invalidRange(this.#calls, call, range, total);
  }

  #wrongLength(call: S3Call, received: number, expected: number): Error {
    const reason = `${received} bytes were received of ${expected}`;
    return this.#calls.error('backend/unavailable', call, reason, { transient: true });
  }

  #tooLarge(call: S3Call, sizeBytes: number): Error {
    const reason = `an object of ${sizeBytes} bytes or more is too large to be one of ours`;
    return this.#calls.error('backend/unavailable', call, reason, { transient: false });
  }
}

export function invalidRange(calls: S3Calls, call: S3Call, range: Range, sizeBytes: number): Error {
  const { offset, length } = range;
  const reason = `bytes ${offset} to ${offset + length} of ${sizeBytes}`;
  return calls.error('backend/invalid-range', call, reason, { context: { offset, length, sizeBytes } });
}

function header({ offset, length }: Range): string {
  return `bytes=${offset}-${offset + length - 1}`;
}

/** The size of the whole object where a part was given, else null. */
function totalOf({ ContentRange: contentRange }: GetObjectCommandOutput): number | null {
  const total = /^bytes \d+-\d+\/(\d+)$/.exec(contentRange ?? '')?.[1];
  return total === undefined ? null : Number(total);
}
