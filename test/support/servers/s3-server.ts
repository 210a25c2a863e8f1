import { S3Client } from '@aws-sdk/client-s3';
import type { S3Options } from '../../../src/backends/s3/s3-options.ts';

/** A real S3 server for tests, whichever program it is. */
export interface S3TestServer extends AsyncDisposable {
  readonly endpoint: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  createBucket(name: string, options?: { readonly objectLock?: boolean }): Promise<void>;
}

export interface S3Key {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** The SDK itself, to do what a thief or an owner does beside us. */
export function rawClient(server: Pick<S3TestServer, 'endpoint' | 'region'>, key: S3Key): S3Client {
  return new S3Client({
    endpoint: server.endpoint,
    region: server.region,
    credentials: { accessKeyId: key.accessKeyId, secretAccessKey: key.secretAccessKey },
    forcePathStyle: true,
  });
}

/** For `openS3`: a bucket of a test server, with the key of its owner. */
export function s3OptionsFor(server: S3TestServer, bucket: string, more: Partial<S3Options> = {}): S3Options {
  const { endpoint, region, accessKeyId, secretAccessKey } = server;
  const credentials = { kind: 'keys', accessKeyId, secretAccessKey } as const;
  return { name: 'cloud', bucket, prefix: '', endpoint, region, credentials, ...more };
}
