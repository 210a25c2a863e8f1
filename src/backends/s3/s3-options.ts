import type { Clock } from '../../core/clock.ts';

/** What an S3 backend is opened with: plain data, secrets already looked up. */

export type S3Credentials =
  | {
      readonly kind: 'keys';
      readonly accessKeyId: string;
      readonly secretAccessKey: string;
      readonly sessionToken?: string | undefined;
    }
  /** A profile of the files that the AWS tools share (`~/.aws`). */
  | { readonly kind: 'profile'; readonly profile: string }
  /** The role of the machine or container that this runs on. */
  | { readonly kind: 'instance' }
  /** Wherever the AWS tools would look: variables, files, web identity, then the machine. */
  | { readonly kind: 'environment' };

export interface S3Options {
  /** How errors call this backend. */
  readonly name: string;
  readonly bucket: string;
  /** Put before each object's name: empty, or ending in `/`. */
  readonly prefix: string;
  /** `https://host` or `http://host:port`, without the bucket. Unset: Amazon's, by region. */
  readonly endpoint?: string | undefined;
  /** `us-east-1` when unset. */
  readonly region?: string | undefined;
  /** `host/bucket/key` instead of `bucket.host/key`. Unset: true wherever there is an `endpoint`. */
  readonly pathStyle?: boolean | undefined;
  readonly credentials: S3Credentials;
  /**
   * Of what is stored from now on. A class that must be warmed before it is read (`GLACIER`, `DEEP_ARCHIVE`) is used for
   * shards alone: each run reads the rest.
   */
  readonly storageClass?: string | undefined;
  readonly serverSideEncryption?:
    | { readonly algorithm: 'AES256' }
    | { readonly algorithm: 'aws:kms'; readonly kmsKeyId?: string | undefined }
    | undefined;
  /** The bucket must have object lock. Then an object is there as long as any version of it is. */
  readonly objectLock?: { readonly mode: 'governance' | 'compliance' } | undefined;
  /** `no`: never rely on `If-None-Match`. `auto`, the default: find out with the first put. */
  readonly conditionalPut?: 'auto' | 'no' | undefined;
  /** For how many days an archived object is asked back. Default 7. */
  readonly restoreDays?: number | undefined;
  /** A store that has not answered the opening after this is down. Twenty seconds unless given. */
  readonly openMs?: number | undefined;
  readonly clock?: Clock | undefined;
}
