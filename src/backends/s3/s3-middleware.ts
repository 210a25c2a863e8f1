import type { ServiceInputTypes, ServiceOutputTypes } from '@aws-sdk/client-s3';
import type { BuildMiddleware, DeserializeMiddleware } from '@smithy/types';
import { createHash } from 'node:crypto';
import { Readable, Transform, pipeline } from 'node:stream';

/** What the SDK's client is taught besides. */

/**
 * A retention must come with a checksum of the request. Every store takes MD5, whereas the newer ones that the SDK sends
 * are refused by some.
 */
export const withMd5: BuildMiddleware<ServiceInputTypes, ServiceOutputTypes> =
  (next, { commandName }) =>
  (call) => {
    const { request } = call;
    if (commandName === 'PutObjectRetentionCommand' && isRequest(request)) {
      for (const name of Object.keys(request.headers)) {
        if (/^x-amz-(sdk-)?checksum-/i.test(name)) delete request.headers[name];
      }
      request.headers['content-md5'] = createHash('md5').update(request.body).digest('base64');
    }
    return next(call);
  };

interface SmallRequest {
  readonly headers: Record<string, string>;
  readonly body: string | Uint8Array;
}

function isRequest(request: unknown): request is SmallRequest {
  if (typeof request !== 'object' || request === null || !('headers' in request) || !('body' in request)) return false;
  return typeof request.body === 'string' || request.body instanceof Uint8Array;
}

/** A listing of a thousand of the longest keys is a quarter of it. */
const ANSWER_BYTES_MAX = 8 * 1024 * 1024;

/** The SDK takes listings and errors into memory whole, however long; objects are counted where they are read. */
export const withinBounds: DeserializeMiddleware<ServiceInputTypes, ServiceOutputTypes> =
  (next, { commandName }) =>
  async (call) => {
    const result = await next(call);
    const { response } = result;
    if (!isResponse(response)) return result;
    const isObject = commandName === 'GetObjectCommand' && response.statusCode < 300;
    if (!isObject) response.body = bounded(response.body);
    return result;
  };

function bounded(body: Readable): Readable {
  let length = 0;
  const limit = new Transform({
    transform(piece: Uint8Array, _, done) {
      length += piece.length;
      if (length > ANSWER_BYTES_MAX) done(new Error('the answer of the store is too long'));
      else done(null, piece);
    },
  });
  // Its reader is told by the stream itself.
  return pipeline(body, limit, () => undefined);
}

function isResponse(response: unknown): response is { readonly statusCode: number; body: Readable } {
  if (typeof response !== 'object' || response === null || !('body' in response)) return false;
  return 'statusCode' in response && response.body instanceof Readable;
}
