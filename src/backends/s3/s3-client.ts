import { S3Client } from '@aws-sdk/client-s3';
import type { S3ClientConfig } from '@aws-sdk/client-s3';
import { fromContainerMetadata, fromInstanceMetadata } from '@smithy/credential-provider-imds';
import { withMd5, withinBounds } from './s3-middleware.ts';
import type { S3Credentials, S3Options } from './s3-options.ts';

/** The SDK's client, set up so that it does one try of what it is told and nothing by itself. */

export const DEFAULT_REGION = 'us-east-1';
/** As many connections as calls may be under way, and some for calls that ask again. */
const SOCKETS_MAX = 32;
/** A host that does not answer its door within this is down; how long an answer may take is the caller's to say. */
const CONNECT_TIMEOUT_MS = 15_000;
/** The role of a machine is asked of the machine itself, which answers at once or has none. */
const ROLE_TIMEOUT_MS = 2000;

export function openClient(options: S3Options): S3Client {
  const { endpoint, region = DEFAULT_REGION, pathStyle } = options;
  const client = new S3Client({
    region,
    ...(endpoint === undefined ? { ignoreConfiguredEndpointUrls: true } : { endpoint: withoutUser(endpoint) }),
    forcePathStyle: pathStyle ?? endpoint !== undefined,
    ...credentialsOf(options.credentials),
    maxAttempts: 1,
    retryMode: 'standard',
    // The backend sends a checksum of its own where the store takes it; other stores refuse the SDK's.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // Some stores never answer an `Expect`, and bodies are small.
    expectContinueHeader: false,
    followRegionRedirects: false,
    disableS3ExpressSessionAuth: true,
    logger: SILENT,
    requestHandler: {
      connectionTimeout: CONNECT_TIMEOUT_MS,
      httpAgent: { keepAlive: true, maxSockets: SOCKETS_MAX },
      httpsAgent: { keepAlive: true, maxSockets: SOCKETS_MAX },
      logger: SILENT,
    },
  });
  client.middlewareStack.add(withMd5, { step: 'build', priority: 'low', name: 'valenceContentMd5' });
  client.middlewareStack.add(withinBounds, { step: 'deserialize', priority: 'low', name: 'valenceBounds' });
  return client;
}

/** The SDK would print warnings to the terminal. */
const ignore = (): void => {};
const SILENT = { trace: ignore, debug: ignore, info: ignore, warn: ignore, error: ignore };

function credentialsOf(credentials: S3Credentials): Pick<S3ClientConfig, 'credentials' | 'profile'> {
  switch (credentials.kind) {
    case 'keys': {
      const { accessKeyId, secretAccessKey, sessionToken } = credentials;
      return { credentials: { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) } };
    }
    case 'profile':
      return { profile: credentials.profile };
    case 'instance': {
      const init = { timeout: ROLE_TIMEOUT_MS, maxRetries: 1 };
      return { credentials: isContainer() ? fromContainerMetadata(init) : fromInstanceMetadata(init) };
    }
    case 'environment':
      return {};
  }
}

/** Amazon tells a container by these variables where to ask for its role. */
function isContainer(): boolean {
  const { env } = process;
  return (
    env['AWS_CONTAINER_CREDENTIALS_RELATIVE_URI'] !== undefined ||
    env['AWS_CONTAINER_CREDENTIALS_FULL_URI'] !== undefined
  );
}

function withoutUser(endpoint: string): string {
  const url = new URL(endpoint);
  url.username = '';
  url.password = '';
  return url.href;
}
