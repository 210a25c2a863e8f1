import type { ValenceError } from '../../core/errors.ts';
import { backendError } from '../backend-error.ts';
import type { BackendErrorCode, Failure, FailedCall } from '../backend-error.ts';
import type { Refusal } from './s3-refusal.ts';

/** What a refusal means, in our codes: the first line of the table that fits. */

interface Meaning {
  readonly code: BackendErrorCode;
  readonly reason: string;
  readonly hint?: string;
  readonly transient?: boolean;
}

export function translateRefusal(refusal: Refusal, call: FailedCall, bucket: string): ValenceError {
  const { code, reason, hint, transient } =
    call.operation === 'open' ? meaningAtOpening(refusal, bucket) : meaningOf(refusal, bucket);
  const { retryAfterMs, status, header, storageClass, region } = refusal;
  const failure: Failure = {
    hint,
    transient: code === 'backend/unavailable' ? (transient ?? true) : undefined,
    retryAfterMs,
    context: {
      storeCode: refusal.code,
      ...(status !== undefined && { status }),
      ...(header !== undefined && { header }),
      ...(storageClass !== undefined && { storageClass }),
      ...(region !== undefined && { region }),
    },
    // A new error with the store's words: the SDK's own carries headers, and with them what signed the request.
    cause: new Error(refusal.text === '' ? refusal.code : `${refusal.code}: ${refusal.text}`),
  };
  return backendError(code, call, reason, failure);
}

function meaningOf(refusal: Refusal, bucket: string): Meaning {
  const found = TABLE.find(({ codes, words, statuses }) => {
    if (codes?.has(refusal.code) === true) return true;
    if (statuses?.includes(refusal.status ?? 0) === true) return true;
    return words?.test(refusal.text) === true && refusal.status !== undefined && refusal.status >= 400;
  });
  if (found !== undefined) return found.meaning(refusal, bucket);
  const transient = refusal.status === undefined || refusal.status < 400 || refusal.status >= 500;
  const hint = refusal.status === undefined ? UNREACHED : undefined;
  return { code: 'backend/unavailable', reason: said(refusal), transient, ...(hint !== undefined && { hint }) };
}

/** Nothing has been asked for yet but the bucket: what is not there is that, and what is not understood is no S3. */
function meaningAtOpening(refusal: Refusal, bucket: string): Meaning {
  if (NO_S3.test(refusal.text) && (refusal.status ?? 0) < 500) {
    return {
      code: 'backend/unavailable',
      reason: 'what answers there does not speak S3',
      hint: 'check the endpoint of this backend: it is the URL of the S3 API, not of a web page or another service',
      transient: false,
    };
  }
  const meaning = meaningOf(refusal, bucket);
  return meaning.code === 'backend/not-found' ? noBucket(bucket) : meaning;
}

function noBucket(bucket: string): Meaning {
  return {
    code: 'backend/unavailable',
    reason: `there is no bucket ${bucket}`,
    hint: 'make the bucket, or check its name, the region and the endpoint of this backend',
    transient: false,
  };
}

interface Line {
  readonly codes?: ReadonlySet<string>;
  readonly words?: RegExp;
  readonly statuses?: readonly number[];
  readonly meaning: (refusal: Refusal, bucket: string) => Meaning;
}

/** Also where the store only says no, and the lock had to be looked up. */
export const LOCKED = {
  reason: 'a lock of the store forbids it',
  hint: 'wait until the lock ends; nothing is wrong with the object',
} as const;
const CREDENTIALS = 'check the key id and the secret of this backend, and that they belong to this store';
const UNREACHED = 'see that the server runs, and check the endpoint of this backend and the network';
/** The SDK's words for an answer that is no XML. */
const NO_S3 = /XML parse error|Deserialization error/;
const CERTIFICATE = /^(CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|ERR_TLS_CERT|EPROTO|ERR_SSL)/;

const TABLE: readonly Line[] = [
  {
    codes: new Set(['NoSuchKey', 'NotFound', 'NoSuchVersion']),
    meaning: () => ({ code: 'backend/not-found', reason: 'no such object' }),
  },
  {
    codes: new Set(['NoSuchBucket', 'InvalidBucketName']),
    meaning: (_, bucket) => noBucket(bucket),
  },
  {
    codes: new Set(['PreconditionFailed']),
    statuses: [412],
    meaning: () => ({ code: 'backend/already-exists', reason: 'the object exists' }),
  },
  {
    codes: new Set(['InvalidRange']),
    statuses: [416],
    meaning: () => ({ code: 'backend/invalid-range', reason: 'the range ends after the object' }),
  },
  {
    codes: new Set(['InvalidObjectState']),
    meaning: () => ({
      code: 'backend/archived',
      reason: 'the object is archived and must be warmed before it is read',
    }),
  },
  {
    codes: new Set([
      'AuthorizationHeaderMalformed',
      'PermanentRedirect',
      'TemporaryRedirect',
      'IllegalLocationConstraintException',
    ]),
    statuses: [301, 307],
    meaning: wrongRegion,
  },
  {
    codes: new Set(['RequestTimeTooSkewed', 'RequestExpired', 'RequestInTheFuture']),
    meaning: () => ({
      code: 'backend/denied',
      reason: 'the clock of this machine and that of the store disagree',
      hint: 'set the clock of this machine, then try again',
    }),
  },
  {
    codes: new Set([
      'QuotaExceeded', 'QuotaExceededException', 'StorageQuotaExceeded', 'XMinioStorageFull', 'InsufficientStorage',
      'XMinioAdminBucketQuotaExceeded', 'StorageLimitExceeded', 'EntityQuotaExceeded',
    ]), // prettier-ignore
    words: /storage cap exceeded|quota|storage limit|no space left/i,
    statuses: [507],
    meaning: (refusal) => ({
      code: 'backend/full',
      reason: said(refusal),
      hint: 'raise the quota or the cap of this account, or free some space',
    }),
  },
  {
    words: /cap exceeded/i,
    meaning: (refusal) => ({
      code: 'backend/unavailable',
      reason: said(refusal),
      hint: 'raise the cap of this account, or wait until the store counts anew',
      transient: false,
    }),
  },
  {
    words: /protected by object lock|worm.protected|retention period/i,
    codes: new Set(['ObjectLocked']),
    meaning: () => ({ code: 'backend/locked', ...LOCKED }),
  },
  {
    codes: new Set([
      'InvalidAccessKeyId',
      'SignatureDoesNotMatch',
      'InvalidSecurity',
      'CredentialsProviderError',
      'AuthFailure',
    ]),
    statuses: [401],
    meaning: (refusal) => ({ code: 'backend/denied', reason: said(refusal), hint: CREDENTIALS }),
  },
  {
    codes: new Set(['ExpiredToken', 'ExpiredTokenException', 'InvalidToken', 'TokenRefreshRequired']),
    meaning: (refusal) => ({
      code: 'backend/denied',
      reason: said(refusal),
      hint: 'the session of these credentials is over: get new ones',
    }),
  },
  {
    codes: new Set(['AccessDenied', 'AllAccessDisabled', 'AccountProblem', 'NotSignedUp', 'Forbidden']),
    statuses: [403],
    meaning: (refusal, bucket) => ({
      code: 'backend/denied',
      reason: said(refusal),
      hint: `check the key of this backend, and that it may do this in bucket ${bucket}`,
    }),
  },
  {
    codes: new Set([
      'SlowDown', 'Throttling', 'ThrottlingException', 'TooManyRequests', 'TooManyRequestsException', 'RequestLimitExceeded',
      'RequestTimeout', 'ServiceUnavailable', 'InternalError', 'OperationAborted', 'ConditionalRequestConflict',
      'BadDigest', 'XAmzContentSHA256Mismatch', 'IncompleteBody',
    ]), // prettier-ignore
    statuses: [408, 429],
    meaning: (refusal) => ({ code: 'backend/unavailable', reason: said(refusal) }),
  },
  {
    codes: new Set(['ENOTFOUND', 'EAI_AGAIN']),
    meaning: () => ({
      code: 'backend/unavailable',
      reason: 'the host of the endpoint is not found',
      hint: 'check the endpoint and the region of this backend, and the network',
    }),
  },
];

function wrongRegion({ region }: Refusal, bucket: string): Meaning {
  return {
    code: 'backend/unavailable',
    reason: `bucket ${bucket} is in another region${region === undefined ? '' : `, ${region}`}`,
    hint:
      region === undefined
        ? 'set the right region and endpoint of this backend'
        : `set region: ${region} for this backend`,
    transient: false,
  };
}

function said({ code, status, text }: Refusal): string {
  if (CERTIFICATE.test(code)) return `the endpoint has no certificate that this machine trusts (${code})`;
  if (status === undefined) return `no answer (${code})`;
  return text === '' || text === 'UnknownError' ? `refused with status ${status}` : `refused with ${code}: ${text}`;
}
