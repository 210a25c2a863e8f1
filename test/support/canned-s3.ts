import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';

/** A small S3 in memory for tests of what stores answer; each request may be given an answer of the test's own. */

export interface CannedRequest {
  readonly method: string;
  /** Without the bucket. */
  readonly key: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

export interface CannedAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** The connection ends after so many bytes of the body, whatever its length was said to be. */
  readonly cutAfter?: number;
  /** Nothing is answered, and the connection stays. */
  readonly isSilent?: boolean;
}

/** `null`: as the store in memory answers. */
export type Answering = (request: CannedRequest) => CannedAnswer | null;

export interface CannedS3 extends AsyncDisposable {
  readonly endpoint: string;
  readonly objects: Map<string, Buffer>;
  readonly requests: CannedRequest[];
  answering: Answering;
}

export const BUCKET = 'bucket';

export async function startCannedS3(answering: Answering = () => null): Promise<CannedS3> {
  const server = createServer((incoming, response) => {
    // A client that goes away in the middle is what some tests are about.
    answer(canned, incoming, response).catch(() => response.destroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const canned: CannedS3 = {
    endpoint: `http://127.0.0.1:${address.port}`,
    objects: new Map(),
    requests: [],
    answering,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return canned;
}

/** As stores word their errors. `fields`: further elements, such as `Region`. */
export function refusal(
  status: number,
  code: string,
  message: string,
  more: {
    readonly fields?: Readonly<Record<string, string>>;
    readonly headers?: Readonly<Record<string, string>>;
  } = {},
): CannedAnswer {
  const fields = Object.entries({ Code: code, Message: message, ...more.fields });
  const elements = fields.map(([name, text]) => `<${name}>${text}</${name}>`).join('');
  const headers = { 'content-type': 'application/xml', ...more.headers };
  return { status, headers, body: `<?xml version="1.0" encoding="UTF-8"?><Error>${elements}</Error>` };
}

async function answer(canned: CannedS3, incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(incoming.url ?? '/', 'http://host');
  const pieces: Buffer[] = [];
  for await (const piece of incoming) pieces.push(piece as Buffer);
  const request = {
    method: incoming.method ?? '',
    key: decodeURIComponent(url.pathname.slice(BUCKET.length + 2)),
    query: url.searchParams,
    headers: incoming.headers,
    body: Buffer.concat(pieces),
  };
  canned.requests.push(request);
  const {
    status,
    headers,
    body = '',
    cutAfter,
    isSilent,
  } = canned.answering(request) ?? stored(canned.objects, request);
  if (isSilent === true) return;
  const bytes = Buffer.from(body);
  response.writeHead(status, { 'content-length': String(bytes.length), ...headers });
  if (cutAfter === undefined) {
    response.end(request.method === 'HEAD' ? undefined : bytes);
    return;
  }
  await new Promise((resolve) => response.write(bytes.subarray(0, cutAfter), resolve));
  response.destroy();
}

function stored(objects: Map<string, Buffer>, { method, key, query, headers, body }: CannedRequest): CannedAnswer {
  if (key === '') return { status: 200, body: listing(objects, query.get('prefix') ?? '') };
  const object = objects.get(key);
  if (method === 'PUT') {
    if (object !== undefined && headers['if-none-match'] === '*')
      return refusal(412, 'PreconditionFailed', 'it exists');
    objects.set(key, body);
    return { status: 200 };
  }
  if (method === 'DELETE') {
    objects.delete(key);
    return { status: 204 };
  }
  if (object === undefined) return refusal(404, 'NoSuchKey', 'no such key');
  const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '') ?? [];
  if (from === undefined || to === undefined) return { status: 200, body: object, headers: lengthOf(object) };
  const part = object.subarray(Number(from), Number(to) + 1);
  if (part.length === 0) return refusal(416, 'InvalidRange', 'out of range');
  const range = `bytes ${from}-${Number(from) + part.length - 1}/${object.length}`;
  return { status: 206, body: part, headers: { ...lengthOf(part), 'content-range': range } };
}

function lengthOf(bytes: Buffer): Record<string, string> {
  return { 'content-length': String(bytes.length) };
}

function listing(objects: Map<string, Buffer>, prefix: string): string {
  const keys = [...objects.keys()].filter((key) => key.startsWith(prefix)).toSorted();
  const contents = keys.map((key) => `<Contents><Key>${key}</Key><Size>${objects.get(key)?.length}</Size></Contents>`);
  return `<ListBucketResult><IsTruncated>false</IsTruncated>${contents.join('')}</ListBucketResult>`;
}
