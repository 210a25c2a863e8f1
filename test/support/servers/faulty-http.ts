import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';
import type { ProxyTarget } from './faulty-proxy.ts';

/**
 * An HTTP proxy on loopback in front of a store that answers some requests itself, as a provider in trouble does. Requests go
 * on as they came, also their Host header, so that signatures hold.
 */

export interface HttpRequest {
  /** From 0, over all connections. */
  readonly index: number;
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
}

export type HttpFault =
  /** Answered without asking the store. */
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
    }
  /** The store does it, and the client gets this answer. */
  | {
      readonly kind: 'answer-after';
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
    }
  /** The store does it, and the connection breaks before its answer. */
  | { readonly kind: 'lose-answer' }
  /** The connection breaks before the store is asked. */
  | { readonly kind: 'lose-request' }
  /** The head as it is, with its length; of the body only so many bytes, then the connection breaks. */
  | { readonly kind: 'cut-body'; readonly afterBytes: number }
  /** Other bytes of the same length, under the same head. */
  | { readonly kind: 'other-body'; readonly bytes: Uint8Array }
  /** A body that is shorter, under a length that agrees. */
  | { readonly kind: 'short-body'; readonly bytes: number };

/** `null`: it passes unharmed. */
export type HttpPlan = (request: HttpRequest) => HttpFault | null;

export interface FaultyHttp extends AsyncDisposable {
  readonly port: number;
  /** Of all that came, in order. */
  readonly requests: readonly HttpRequest[];
  /** May be replaced at any time. */
  plan: HttpPlan;
}

/** Listens on a free port of 127.0.0.1. */
export async function startFaultyHttp(target: ProxyTarget, plan: HttpPlan = () => null): Promise<FaultyHttp> {
  const proxy = new HttpProxy(target, plan);
  await proxy.listen();
  return proxy;
}

class HttpProxy implements FaultyHttp {
  plan: HttpPlan;
  readonly requests: HttpRequest[] = [];
  readonly #target: ProxyTarget;
  readonly #server = createServer((incoming, outgoing) => {
    this.#handle(incoming, outgoing).catch(() => outgoing.destroy());
  });

  constructor(target: ProxyTarget, plan: HttpPlan) {
    this.#target = target;
    this.plan = plan;
  }

  async listen(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  async #handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { method = 'GET', url = '/', headers } = incoming;
    const seen: HttpRequest = { index: this.requests.length, method, path: url, headers };
    this.requests.push(seen);
    const fault = this.plan(seen);
    if (fault?.kind === 'lose-request') return void incoming.socket.resetAndDestroy();
    if (fault?.kind === 'answer') {
      await drained(incoming);
      return answer(outgoing, fault);
    }
    const response = await this.#forward(incoming);
    if (fault === null) {
      outgoing.writeHead(response.statusCode ?? 502, response.rawHeaders);
      return pipeline(response, outgoing);
    }
    await harmed(response, outgoing, fault);
  }

  async #forward(incoming: IncomingMessage): Promise<IncomingMessage> {
    const { method, url } = incoming;
    // As a list of pairs: names keep their case and order.
    const onward = request({
      host: this.#target.host ?? '127.0.0.1',
      port: this.#target.port,
      method,
      path: url,
      headers: incoming.rawHeaders,
      setHost: false,
      agent: false,
    });
    const answered = once(onward, 'response');
    // The store may refuse before it has read the body; then its answer counts.
    pipeline(incoming, onward).catch(() => undefined);
    const [response] = (await answered) as [IncomingMessage];
    return response;
  }
}

type Answer = Extract<HttpFault, { kind: 'answer' | 'answer-after' }>;

function answer(outgoing: ServerResponse, { status, headers, body = '' }: Answer): void {
  outgoing.writeHead(status, { 'content-length': String(Buffer.byteLength(body)), ...headers });
  outgoing.end(outgoing.req.method === 'HEAD' ? undefined : body);
}

async function harmed(response: IncomingMessage, outgoing: ServerResponse, fault: HttpFault): Promise<void> {
  const body = await drained(response);
  const head = (): ServerResponse => outgoing.writeHead(response.statusCode ?? 502, response.rawHeaders);
  switch (fault.kind) {
    case 'answer-after':
      return answer(outgoing, { ...fault, kind: 'answer-after' });
    case 'lose-answer':
      return void outgoing.socket?.resetAndDestroy();
    case 'other-body':
      return void head().end(Buffer.from(body.map((_, i) => fault.bytes[i % fault.bytes.length] ?? 0)));
    case 'short-body': {
      const { ['content-length']: _, ['transfer-encoding']: __, ...rest } = response.headers;
      const short = body.subarray(0, fault.bytes);
      outgoing.writeHead(response.statusCode ?? 502, { ...rest, 'content-length': String(short.length) });
      return void outgoing.end(short);
    }
    case 'cut-body':
      head().flushHeaders();
      return void outgoing.write(body.subarray(0, fault.afterBytes), () => outgoing.socket?.destroySoon());
    case 'answer':
    case 'lose-request':
      return undefined;
  }
}

async function drained(message: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of message) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

/** An error as S3 answers it. */
export function s3Error(status: number, code: string, headers: Readonly<Record<string, string>> = {}): HttpFault {
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>planned fault</Message></Error>`;
  return { kind: 'answer', status, headers: { 'content-type': 'application/xml', ...headers }, body };
}

/** What goes wrong with S3 and its kin, by name. */
export const S3_FAULTS: Readonly<Record<string, HttpFault>> = {
  'storm of 503': s3Error(503, 'SlowDown'),
  '503 with Retry-After': s3Error(503, 'ServiceUnavailable', { 'retry-after': '1' }),
  'internal error': s3Error(500, 'InternalError'),
  'access denied': s3Error(403, 'AccessDenied'),
  'expired credentials': s3Error(403, 'ExpiredToken'),
  'a clock that is off': s3Error(403, 'RequestTimeTooSkewed'),
  'quota exceeded': s3Error(403, 'QuotaExceeded'),
  'wrong region': s3Error(301, 'PermanentRedirect', { 'x-amz-bucket-region': 'eu-central-1' }),
  'a bucket that is gone': s3Error(404, 'NoSuchBucket'),
};

/** An error as Kubo's RPC answers it. */
function kuboError(status: number, Message: string, headers: Readonly<Record<string, string>> = {}): HttpFault {
  const body = JSON.stringify({ Message, Code: 0, Type: 'error' });
  return { kind: 'answer', status, headers: { 'content-type': 'application/json', ...headers }, body };
}

/** What goes wrong with a node, or with what stands before it, by name. */
export const KUBO_FAULTS: Readonly<Record<string, HttpFault>> = {
  'storm of 503': kuboError(503, 'busy'),
  '503 with Retry-After': kuboError(503, 'busy', { 'retry-after': '1' }),
  'too many requests': kuboError(429, 'slow down'),
  'internal error': kuboError(500, 'planned fault'),
  'a full disk': kuboError(500, 'write /blocks: no space left on device'),
  'a key that is refused': kuboError(403, 'forbidden'),
  'a key that has expired': kuboError(401, 'unauthorized'),
  'another server': kuboError(404, 'not found'),
};

/** Answers that look right and are not. */
export const BODY_FAULTS: Readonly<Record<string, HttpFault>> = {
  "another object's bytes": { kind: 'other-body', bytes: Buffer.from('bytes of another object') },
  'a truncated body under a right length': { kind: 'short-body', bytes: 100 },
  'an empty body': { kind: 'short-body', bytes: 0 },
  'a body that breaks off': { kind: 'cut-body', afterBytes: 100 },
  'no answer': { kind: 'lose-answer' },
};

/** The fault from request `from` on, for so many. */
export function halfway(fault: HttpFault, from: number, count: number = Infinity): HttpPlan {
  return ({ index }) => (index >= from && index < from + count ? fault : null);
}
