import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { view } from '../../core/bytes.ts';
import { ValenceError } from '../../core/errors.ts';

/** One file, or one stream such as standard input, of an import. */
export interface ImportInput {
  /** As printed in reports. */
  readonly name: string;
  /** The bytes, gzip or not. Called once. */
  open(): AsyncIterable<Uint8Array>;
}

export function fileInput(path: string): ImportInput {
  return { name: path, open: () => createReadStream(path, { highWaterMark: 256 * 1024 }) };
}

export function streamInput(name: string, stream: AsyncIterable<Uint8Array>): ImportInput {
  return { name, open: () => stream };
}

/**
 * The bytes of an input, decompressed when they begin with the magic bytes of gzip (several members end to end are read
 * as one). @throws `import/invalid` when it cannot be read or decompressed
 */
export async function* readInput(input: ImportInput): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    const { first, whole } = await peek(input.open());
    const gzip = first.length >= 2 && first[0] === 0x1f && first[1] === 0x8b;
    yield* gzip ? gunzip(whole) : whole;
  } catch (cause) {
    if (cause instanceof ValenceError) throw cause;
    const reason = cause instanceof Error ? cause.message : 'unknown failure';
    throw new ValenceError('import/invalid', `cannot read ${input.name}: ${reason}`, {
      cause,
      context: { file: input.name },
    });
  }
}

interface Peeked {
  readonly first: Uint8Array;
  readonly whole: AsyncIterable<Uint8Array>;
}

/** The first two bytes or more (less only when there are no more), and a stream that still has them. */
async function peek(stream: AsyncIterable<Uint8Array>): Promise<Peeked> {
  const iterator = stream[Symbol.asyncIterator]();
  let first: Uint8Array = new Uint8Array();
  while (first.length < 2) {
    const next = await iterator.next();
    if (next.done === true) break;
    first = Buffer.concat([first, next.value]);
  }
  async function* whole(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      if (first.length > 0) yield first;
      for (;;) {
        const next = await iterator.next();
        if (next.done === true) return;
        yield next.value;
      }
    } finally {
      await iterator.return?.();
    }
  }
  return { first, whole: whole() };
}

async function* gunzip(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const source = Readable.from(stream, { objectMode: true });
  const unzipped = createGunzip({ chunkSize: 256 * 1024 });
  source.once('error', (error) => unzipped.destroy(error));
  source.pipe(unzipped);
  try {
    for await (const piece of unzipped) yield view(piece as Buffer);
  } finally {
    source.destroy();
    unzipped.destroy();
  }
}
