import { PutObjectCommand } from '@aws-sdk/client-s3';
import type { PutObjectCommandInput } from '@aws-sdk/client-s3';
import { createHash } from 'node:crypto';
import { isValenceError } from '../../core/errors.ts';
import type { PutOptions } from '../backend.ts';
import type { S3Call, S3Calls } from './s3-calls.ts';
import { storeCode } from './s3-calls.ts';
import type { PutBody, StoredObjects } from './stored-objects.ts';
import { Turns } from '../turns.ts';
import type { LockMode } from './versioned-objects.ts';
import { wholeSecond } from './versioned-objects.ts';

/** How often a put that another one got in the way of is tried. */
const TRIES_MAX = 3;
const CONFLICTS: ReadonlySet<string | undefined> = new Set(['ConditionalRequestConflict', 'OperationAborted']);
const REFUSES_HEADER: ReadonlySet<string | undefined> = new Set([
  'InvalidArgument',
  'InvalidRequest',
  'UnsupportedHeader',
]);

/** Whether the store keeps to `If-None-Match: *`. Some refuse it, some take it and overwrite. */
export type Condition = 'unknown' | 'honoured' | 'ignored';

export interface PutSettings {
  readonly condition: Condition;
  readonly lockMode: LockMode | null;
  /** What every object is stored with. */
  readonly stored: (name: string) => Partial<PutObjectCommandInput>;
}

interface Features {
  readonly condition: boolean;
  /** SHA-256 as a header of its own; else MD5, which every store knows. */
  readonly checksum: boolean;
}

/**
 * Puts that never write over another object. Where the store refuses that itself, a put is one request; else it is looked
 * first, and one put of a name goes at a time, which tells the puts of this process apart and no others.
 *
 * Which of the two it is shows by itself: the first object that was stored is put once more, with the same bytes, which
 * changes nothing whatever the store does.
 */
export class S3Puts {
  readonly #calls: S3Calls;
  readonly #objects: StoredObjects;
  readonly #settings: PutSettings;
  readonly #turns = new Turns();
  #condition: Condition;
  #checksum = true;
  /** A put with a SHA-256 was taken, so the store keeps it. */
  #keepsChecksums = false;
  #isProbing = false;

  constructor(calls: S3Calls, objects: StoredObjects, settings: PutSettings) {
    this.#calls = calls;
    this.#objects = objects;
    this.#settings = settings;
    this.#condition = settings.condition;
  }

  get condition(): Condition {
    return this.#condition;
  }

  put(name: string, bytes: Uint8Array, options: PutOptions): Promise<void> {
    const call = { operation: 'put', object: name, signal: options.signal };
    const body = { name, bytes, sha256: createHash('sha256').update(bytes).digest() };
    return this.#turns.take(name, options.signal, () => this.#put(call, body, options.lockedUntil));
  }

  async #put(call: S3Call, body: PutBody, lockedUntil: number | undefined): Promise<void> {
    const until = this.#lockEnd(lockedUntil);
    if (this.#condition !== 'honoured' && (await this.#isHeld(call, body))) return this.#lockAgain(call, body, until);
    for (let tries = 1; ; tries += 1) {
      if (await this.#stores(call, body, until)) break;
      if (await this.#isHeld(call, body)) return this.#lockAgain(call, body, until);
      if (tries >= TRIES_MAX) throw this.#busy(call);
    }
    await this.#findOut(call, body);
  }

  #busy(call: S3Call): Error {
    return this.#calls.error('backend/unavailable', call, 'others keep putting this object', { transient: true });
  }

  /** False: there is an object of this name, or somebody else was putting one just now. */
  async #stores(call: S3Call, body: PutBody, until: number | null): Promise<boolean> {
    try {
      await this.#sendWithout(call, body, until);
      return true;
    } catch (error) {
      if (isValenceError(error, 'backend/already-exists')) {
        this.#condition = 'honoured';
        return false;
      }
      if (CONFLICTS.has(storeCode(error))) return false;
      throw error;
    }
  }

  /** With all that the store is not known to refuse, then without what it turns out to refuse. */
  async #sendWithout(call: S3Call, body: PutBody, until: number | null): Promise<void> {
    let features: Features = { condition: this.#condition !== 'ignored', checksum: this.#checksum };
    for (;;) {
      try {
        await this.#send(call, body, { features, until });
      } catch (error) {
        const fewer = withoutRefused(error, features);
        if (fewer === null) throw error;
        features = fewer;
        continue;
      }
      if (!features.condition) this.#condition = 'ignored';
      if (features.checksum) this.#keepsChecksums = true;
      else this.#checksum = false;
      return;
    }
  }

  async #send(
    call: S3Call,
    { name, bytes, sha256 }: PutBody,
    { features, until }: { features: Features; until: number | null },
  ): Promise<void> {
    const { lockMode, stored } = this.#settings;
    const input: PutObjectCommandInput = {
      ...this.#calls.at(name),
      ...stored(name),
      Body: bytes,
      ContentLength: bytes.length,
      ContentType: 'application/octet-stream',
      ...(features.condition && { IfNoneMatch: '*' }),
      ...(features.checksum
        ? { ChecksumSHA256: sha256.toString('base64') }
        : { ContentMD5: createHash('md5').update(bytes).digest('base64') }),
      ...(lockMode !== null &&
        until !== null && { ObjectLockMode: lockMode, ObjectLockRetainUntilDate: wholeSecond(until) }),
    };
    await this.#calls.run(call, (client, options) => client.send(new PutObjectCommand(input), options));
  }

  /** @throws `backend/already-exists` if it is there with other content */
  async #isHeld(call: S3Call, body: PutBody): Promise<boolean> {
    const held = await this.#objects.holds(body, this.#keepsChecksums, { signal: call.signal });
    if (held !== 'other') return held === 'equal';
    throw this.#calls.error('backend/already-exists', call, 'the object exists with other content', {
      hint: 'the names of objects are never used again; check that no other vault is kept there',
    });
  }

  async #lockAgain(call: S3Call, { name }: PutBody, until: number | null): Promise<void> {
    if (until !== null) await this.#objects.lock?.(name, until, { signal: call.signal });
  }

  /** Not worth failing a put for that has succeeded; the next one finds out. */
  async #findOut(call: S3Call, body: PutBody): Promise<void> {
    if (this.#condition !== 'unknown' || this.#isProbing) return;
    this.#isProbing = true;
    try {
      const features = { condition: true, checksum: this.#checksum };
      await this.#send(call, body, { features, until: null });
      this.#condition = 'ignored';
    } catch (error) {
      if (isValenceError(error, 'backend/already-exists')) this.#condition = 'honoured';
    } finally {
      this.#isProbing = false;
    }
  }

  /** A lock that is over already would be refused. */
  #lockEnd(lockedUntil: number | undefined): number | null {
    const isLock = this.#settings.lockMode !== null && lockedUntil !== undefined;
    return isLock && lockedUntil > this.#calls.clock.now() ? lockedUntil : null;
  }
}

/** `null`: the store did not complain of a header of ours, or it is not clear which. */
function withoutRefused(error: unknown, features: Features): Features | null {
  if (!isValenceError(error, 'backend/unavailable')) return null;
  const isNotImplemented = storeCode(error) === 'NotImplemented' || error.context['status'] === 501;
  if (!isNotImplemented && !REFUSES_HEADER.has(storeCode(error))) return null;
  const { header } = error.context;
  const complaint = `${error.message} ${typeof header === 'string' ? header : ''}`;
  if (features.checksum && /checksum/i.test(complaint)) return { ...features, checksum: false };
  if (features.condition && (isNotImplemented || /none-?match|condition/i.test(complaint))) {
    return { ...features, condition: false };
  }
  return features.checksum && isNotImplemented ? { ...features, checksum: false } : null;
}
