import { GetObjectLockConfigurationCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import type { PutObjectCommandInput } from '@aws-sdk/client-s3';
import { systemClock } from '../../core/clock.ts';
import { invariant, isValenceError } from '../../core/errors.ts';
import type { Backend } from '../backend.ts';
import { PlainObjects } from './plain-objects.ts';
import { S3Backend } from './s3-backend.ts';
import { S3Calls, storeCode } from './s3-calls.ts';
import type { S3Call } from './s3-calls.ts';
import { DEFAULT_REGION, openClient } from './s3-client.ts';
import type { S3Options } from './s3-options.ts';
import type { Condition } from './s3-put.ts';
import { S3Puts } from './s3-put.ts';
import { S3Reads } from './s3-read.ts';
import type { LockMode } from './versioned-objects.ts';
import { VersionedObjects } from './versioned-objects.ts';

const RESTORE_DAYS = 7;
/** Later calls have the time limits of their caller. */
const OPEN_MS = 20_000;
/** Of these nothing is read before it has been asked for and hours have passed. */
const ARCHIVES: ReadonlySet<string | undefined> = new Set(['GLACIER', 'DEEP_ARCHIVE']);

/**
 * A bucket, or what lies under a prefix of one, as a backend: the object `shards/ab/xyz` is the key of that name after the
 * prefix. One call asks the store whether the bucket is there and lets us in. A key that may only put and list is enough
 * for `put`, `stat` and `list`.
 * @throws `backend/unavailable` (not transient where the bucket, its region or its object lock is not what was said),
 * `backend/denied`
 */
export async function openS3(options: S3Options): Promise<Backend> {
  const { name, bucket, prefix, objectLock, clock = systemClock } = options;
  // Not repeated, since it may hold a password.
  invariant(isEndpoint(options.endpoint), 'an endpoint is an http or https URL');
  invariant(prefix === '' || prefix.endsWith('/'), 'a prefix of keys ends in a slash');
  const calls = new S3Calls({ client: openClient(options), name, bucket, prefix, secrets: secretsOf(options), clock });
  try {
    await checkStore(calls, options);
  } catch (error) {
    calls.close();
    throw error;
  }
  const lockMode = objectLock === undefined ? null : lockModeOf(objectLock.mode);
  const reads = new S3Reads(calls, options.restoreDays ?? RESTORE_DAYS);
  const objects = lockMode === null ? new PlainObjects(calls, reads) : new VersionedObjects(calls, reads, lockMode);
  const condition: Condition = options.conditionalPut === 'no' ? 'ignored' : 'unknown';
  const puts = new S3Puts(calls, objects, { condition, lockMode, stored: (object) => storedWith(options, object) });
  return new S3Backend({ location: locationOf(options), calls, objects, puts });
}

async function checkStore(calls: S3Calls, { objectLock, openMs = OPEN_MS }: S3Options): Promise<void> {
  const signal = AbortSignal.timeout(openMs);
  const call = { operation: 'open', signal };
  try {
    await (objectLock === undefined ? checkBucket(calls, call) : checkObjectLock(calls, call));
  } catch (error) {
    if (!signal.aborted || isValenceError(error)) throw error;
    throw calls.error('backend/unavailable', call, `no answer within ${openMs / 1000} s`, {
      hint: 'see that the server runs, and check the endpoint of this backend and the network',
      transient: true,
    });
  }
}

async function checkBucket(calls: S3Calls, call: S3Call): Promise<void> {
  const input = { Bucket: calls.bucket, Prefix: calls.prefix, MaxKeys: 1 };
  await calls.run(call, (client, options) => client.send(new ListObjectsV2Command(input), options));
}

const NO_LOCK: ReadonlySet<string | undefined> = new Set(['ObjectLockConfigurationNotFoundError', 'NotImplemented']);

async function checkObjectLock(calls: S3Calls, call: S3Call): Promise<void> {
  const input = { Bucket: calls.bucket };
  let isEnabled = false;
  try {
    const output = await calls.run(call, (client, options) =>
      client.send(new GetObjectLockConfigurationCommand(input), options),
    );
    isEnabled = output.ObjectLockConfiguration?.ObjectLockEnabled === 'Enabled';
  } catch (error) {
    if (isValenceError(error, 'backend/denied') && storeCode(error) === 'AccessDenied') {
      throw calls.error('backend/denied', call, 'this key may not ask whether the bucket has object lock', {
        hint: 'let the key do s3:GetBucketObjectLockConfiguration',
        context: error.context,
        cause: error.cause,
      });
    }
    if (!NO_LOCK.has(storeCode(error))) throw error;
  }
  if (isEnabled) return;
  throw calls.error('backend/unavailable', call, `bucket ${calls.bucket} has no object lock`, {
    hint: 'make a new bucket with object lock, or take object-lock out of the configuration of this backend',
    transient: false,
  });
}

function storedWith(
  { storageClass, serverSideEncryption: encryption }: S3Options,
  object: string,
): Partial<PutObjectCommandInput> {
  const isClassed = storageClass !== undefined && (!ARCHIVES.has(storageClass) || object.startsWith('shards/'));
  return {
    // The store knows classes of its own, of which the SDK knows some.
    ...(isClassed && { StorageClass: storageClass as NonNullable<PutObjectCommandInput['StorageClass']> }),
    ...(encryption !== undefined && { ServerSideEncryption: encryption.algorithm }),
    ...(encryption?.algorithm === 'aws:kms' &&
      encryption.kmsKeyId !== undefined && { SSEKMSKeyId: encryption.kmsKeyId }),
  };
}

function lockModeOf(mode: 'governance' | 'compliance'): LockMode {
  return mode === 'compliance' ? 'COMPLIANCE' : 'GOVERNANCE';
}

function isEndpoint(endpoint: string | undefined): boolean {
  return endpoint === undefined || (URL.canParse(endpoint) && /^https?:$/.test(new URL(endpoint).protocol));
}

function locationOf({ bucket, prefix, endpoint, region = DEFAULT_REGION }: S3Options): string {
  const host = endpoint === undefined ? `s3.${region}.amazonaws.com` : new URL(endpoint).host;
  return `s3://${bucket}/${prefix} at ${host}`;
}

/** The key id is no secret, but no error needs it either. */
function secretsOf({ credentials, endpoint }: S3Options): string[] {
  const url = endpoint === undefined ? null : new URL(endpoint);
  const inUrl = url === null ? [] : [url.password, decodeURIComponent(url.password)];
  if (credentials.kind !== 'keys') return inUrl;
  const { accessKeyId, secretAccessKey, sessionToken } = credentials;
  return [secretAccessKey, accessKeyId, ...(sessionToken === undefined ? [] : [sessionToken]), ...inUrl];
}
