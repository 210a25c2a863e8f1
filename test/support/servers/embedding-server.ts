import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** The embeddings call of OpenAI's API on loopback, with a model that anybody can compute, and with faults. */

export interface EmbeddingRequest {
  /** From 0. */
  readonly index: number;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Readonly<Record<string, unknown>>;
  readonly input: readonly string[];
}

export type EmbeddingFault =
  /** The connection breaks before an answer. */
  | { readonly kind: 'reset' }
  /** Nothing is ever said. */
  | { readonly kind: 'silence' }
  /** Head and a part of the body, then nothing. */
  | { readonly kind: 'stall' }
  /** The same, then the connection breaks. */
  | { readonly kind: 'cut' }
  /** A body of which each piece is a byte, without end. */
  | { readonly kind: 'trickle' }
  /** A body without end. */
  | { readonly kind: 'flood' }
  /** This answer. */
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly body: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** The right answer, changed. */
  | { readonly kind: 'changed'; readonly change: (answer: EmbeddingAnswer) => unknown };

export interface EmbeddingAnswer {
  object: 'list';
  model: unknown;
  data: { object: 'embedding'; index: number; embedding: number[] | string }[];
}

export type EmbeddingPlan = (request: EmbeddingRequest) => EmbeddingFault | null | Promise<EmbeddingFault | null>;

export interface EmbeddingServer extends AsyncDisposable {
  /** Base of its calls. */
  readonly url: string;
  readonly host: string;
  readonly requests: readonly EmbeddingRequest[];
  /** `null`: answered as it should be. May be replaced at any time. */
  plan: EmbeddingPlan;
  dimensions: number;
}

export async function startEmbeddingServer(plan: EmbeddingPlan = () => null): Promise<EmbeddingServer> {
  const requests: EmbeddingRequest[] = [];
  const server = createServer((incoming, outgoing) => {
    const handle = async (): Promise<void> => {
      const pieces: Buffer[] = [];
      for await (const piece of incoming) pieces.push(piece as Buffer);
      const body = JSON.parse(Buffer.concat(pieces).toString()) as Record<string, unknown>;
      const input = body['input'] as string[];
      const { headers, url: path = '' } = incoming;
      const request = { index: requests.length, path, headers, body, input };
      requests.push(request);
      respond(outgoing, await running.plan(request), answerTo(request, running.dimensions));
    };
    handle().catch(() => outgoing.destroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const running: EmbeddingServer = {
    url: `http://${host}/v1`,
    host,
    requests,
    plan,
    dimensions: 16,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return running;
}

function answerTo({ body, input }: EmbeddingRequest, served: number): EmbeddingAnswer {
  const dimensions = typeof body['dimensions'] === 'number' ? body['dimensions'] : served;
  const data = input.map((text, index) => {
    return { object: 'embedding' as const, index, embedding: bagOfWords(text, dimensions) };
  });
  return { object: 'list', model: body['model'], data };
}

/** A hashed bag of words (Weinberger et al. 2009) of length 1: texts that share words are near. */
export function bagOfWords(text: string, dimensions: number): number[] {
  const vector = Array.from({ length: dimensions }, () => 0);
  for (const word of text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? ['']) {
    const hash = createHash('sha256').update(word).digest();
    vector[hash.readUInt32LE(0) % dimensions]! += hash[4]! % 2 === 0 ? 1 : -1;
  }
  const length = Math.hypot(...vector);
  // Words that cancel each other.
  if (length === 0) return vector.with(0, 1);
  return vector.map((value) => value / length);
}

function respond(outgoing: ServerResponse, fault: EmbeddingFault | null, right: EmbeddingAnswer): void {
  const body = JSON.stringify(fault?.kind === 'changed' ? fault.change(right) : right);
  switch (fault?.kind) {
    case 'reset':
      return void outgoing.socket?.resetAndDestroy();
    case 'silence':
      return;
    case 'stall':
      return void outgoing.writeHead(200, { 'content-length': body.length }).write(body.slice(0, 20));
    case 'cut':
      outgoing.writeHead(200, { 'content-length': body.length });
      return void outgoing.write(body.slice(0, 20), () => outgoing.socket?.resetAndDestroy());
    case 'trickle':
      return trickle(outgoing.writeHead(200));
    case 'flood':
      return flood(outgoing.writeHead(200));
    case 'answer':
      return void outgoing.writeHead(fault.status, fault.headers).end(fault.body);
    case 'changed':
    case undefined:
      return void outgoing.writeHead(200, { 'content-type': 'application/json' }).end(body);
  }
}

function trickle(outgoing: ServerResponse): void {
  if (outgoing.destroyed) return;
  outgoing.write(' ');
  setImmediate(() => trickle(outgoing));
}

/** As fast as it is read, until nobody reads any more. */
function flood(outgoing: ServerResponse): void {
  const piece = Buffer.alloc(64 * 1024, ' ');
  const more = (): void => {
    while (!outgoing.destroyed && outgoing.write(piece));
  };
  outgoing.on('drain', more);
  more();
}
