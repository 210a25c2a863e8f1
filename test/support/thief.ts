import { createCipheriv } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sql } from 'kysely';
import { fromHex, toHex } from '../../src/core/bytes.ts';
import { isValenceError } from '../../src/core/errors.ts';
import { uuidText } from '../../src/core/ids.ts';
import { CHUNK_BYTES_MAX } from '../../src/core/limits.ts';
import type { HostKey } from '../../src/format/keys/host-key.ts';
import { openChunk } from '../../src/format/sealing/sealed-chunk.ts';
import { CHUNK_KIND } from '../../src/format/tree/content-id.ts';
import type { Database } from '../../src/schema/database.ts';
import { readSegment } from '../../src/vault/index-map.ts';
import { openKeyring } from '../../src/vault/keyring.ts';
import { listEverywhere } from '../../src/vault/listing.ts';
import type { Place } from '../../src/vault/places.ts';
import { StripeReader } from '../../src/vault/stripe-reader.ts';

import { filesIn } from './vault-folders.ts';

/** What somebody who took a home can make of it, with every place at hand: keys are sought, not looked up where they should be. */

const KEY_BYTES = 32;

/** Every 32 bytes in a row that a row of any table shows, in a text or in bytes. As raw bytes in latin1, each once. */
export async function keysInTables(database: Database): Promise<Set<string>> {
  const { rows: tables } = await sql<{ name: string }>`
    SELECT format('%I.%I', table_schema, table_name) AS name FROM information_schema.tables
    WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')
  `.execute(database.kysely);
  const keys = new Set<string>();
  for (const { name } of tables) {
    const { rows } = await sql<{ line: string }>`
      SELECT to_jsonb(r)::text AS line FROM ${sql.raw(name)} AS r`.execute(database.kysely);
    for (const { line } of rows) addHex(line, keys);
  }
  return keys;
}

/** Every 32 bytes in a row of the files of a home outside its embedded database, also of what is written there as text. */
export async function keysInFiles(home: string): Promise<Set<string>> {
  const keys = new Set<string>();
  for (const name of await filesIn(home)) {
    if (name.startsWith('database/')) continue;
    const bytes = await readFile(join(home, name));
    const text = bytes.toString('latin1');
    addWindows(bytes, keys);
    addHex(text, keys);
    const base64 = text.split('\n').filter((line) => /^[A-Za-z0-9+/]+=*$/.test(line));
    addWindows(Buffer.from(base64.join(''), 'base64'), keys);
  }
  return keys;
}

function addHex(text: string, keys: Set<string>): void {
  for (const [digits] of text.matchAll(/[0-9a-f]{64,}/g)) {
    // Where digits before it belong to something else, the other half of the offsets is the right one.
    for (const run of [digits, digits.slice(1)]) addWindows(Buffer.from(run.slice(0, run.length & ~1), 'hex'), keys);
  }
}

function addWindows(bytes: Uint8Array, keys: Set<string>): void {
  const text = Buffer.from(bytes).toString('latin1');
  for (let at = 0; at + KEY_BYTES <= text.length; at += 1) keys.add(text.slice(at, at + KEY_BYTES));
}

/** Every sealed chunk that the segments of a vault place, of whatever snapshot, by its name; what mask and index key give. */
export async function sealedChunks(places: readonly Place[], host: HostKey): Promise<Map<string, Uint8Array>> {
  const keyring = await openKeyring(places, uuidText(host.vaultId), { kind: 'host', key: host });
  const stripes = new StripeReader(places, host.secrets.maskKey);
  const found = new Map<string, Uint8Array>();
  const { objects } = await listEverywhere(places, 'index/');
  for (const object of objects.keys()) {
    const { body } = await readSegment(places, keyring, fromHex(object.slice('index/'.length), 32));
    for (const { bytes, chunks } of body.inline) addChunks(found, bytes, chunks);
    for (const stripe of body.stripes) addChunks(found, await stripes.read(stripe), stripe.chunks);
  }
  return found;
}

/** Adds the chunks of a pack. */
export function addChunks(
  found: Map<string, Uint8Array>,
  pack: Uint8Array,
  chunks: readonly { readonly name: Uint8Array; readonly length: number }[],
): void {
  let offset = 0;
  for (const { name, length } of chunks) {
    found.set(toHex(name), Buffer.from(pack.subarray(offset, offset + length)));
    offset += length;
  }
}

/** Tries every key on every sealed chunk. What opens, by name. */
export function opened(keys: Iterable<string>, sealed: ReadonlyMap<string, Uint8Array>): Map<string, Uint8Array> {
  const found = new Map<string, Uint8Array>();
  const left = new Map(sealed);
  for (const text of keys) {
    const key = Buffer.from(text, 'latin1');
    const stream = keyStream(key);
    for (const [name, bytes] of left) {
      const plaintext = looksRight(bytes, stream) ? openWith(key, bytes) : null;
      if (plaintext === null) continue;
      found.set(name, plaintext);
      left.delete(name);
    }
  }
  return found;
}

/** The key stream over the first 16 bytes of a sealed chunk: AES-GCM with a nonce of zeros counts from 2. FORMAT.md §6.1. */
function keyStream(key: Uint8Array): Uint8Array {
  const counter = Buffer.alloc(16);
  counter[15] = 2;
  return createCipheriv('aes-256-ecb', key, null).setAutoPadding(false).update(counter);
}

/** Whether it begins with a method and a length that a chunk can have; all but one in 500,000 wrong keys end here. */
function looksRight(sealed: Uint8Array, stream: Uint8Array): boolean {
  const method = sealed[0]! ^ stream[0]!;
  if (method > 1) return false;
  let length = 0;
  for (let at = 1; at <= 4; at += 1) length = length * 256 + (sealed[at]! ^ stream[at]!);
  return length <= CHUNK_BYTES_MAX;
}

function openWith(key: Uint8Array, sealed: Uint8Array): Uint8Array | null {
  for (const kind of Object.values(CHUNK_KIND)) {
    try {
      return openChunk(kind, sealed, key);
    } catch (error) {
      if (!isValenceError(error, 'integrity/authentication-failed', 'format/malformed')) throw error;
    }
  }
  return null;
}

/** Which of these byte strings some file below a folder holds, as they are or in hexadecimal or base64, and which file. */
export async function findInFiles(folder: string, wanted: readonly Uint8Array[]): Promise<string[]> {
  const found: string[] = [];
  for (const name of await filesIn(folder)) {
    const bytes = await readFile(join(folder, name));
    for (const one of wanted) {
      const plain = Buffer.from(one);
      const forms = [plain, Buffer.from(toHex(one)), Buffer.from(plain.toString('base64').slice(0, -4))];
      if (forms.some((form) => bytes.includes(form))) found.push(`${name}: ${toHex(one).slice(0, 12)}`);
    }
  }
  return found;
}
