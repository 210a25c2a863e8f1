import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { isValenceError } from '../../src/core/errors.ts';
import { exportLines } from '../../src/graph/lines/export.ts';
import { streamInput } from '../../src/graph/lines/import-input.ts';
import type { ImportInput } from '../../src/graph/lines/import-input.ts';
import { importInputs } from '../../src/graph/lines/import.ts';
import type { ImportOptions } from '../../src/graph/lines/import.ts';
import type { ImportCounts } from '../../src/graph/lines/import-apply.ts';
import { substrateDigest } from '../../src/graph/snapshot/digest.ts';
import { snapshotSourceOf } from '../../src/graph/snapshot/snapshot-source.ts';
import type { Database } from '../../src/schema/database.ts';

/** A small knowledge base with a bit of everything, and the calls that tests of it share. */

/** A UUID whose order among its like is that of the numbers. */
export function beliefId(number: number): string {
  return `00000000-0000-7000-8000-${String(number).padStart(12, '0')}`;
}

export function input(lines: readonly unknown[], name = 'sample.jsonl'): ImportInput {
  const text = lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n');
  return streamInput(name, Readable.from([Buffer.from(text)]));
}

/** A fixed moment, and bytes that only look random: the same ids and times on every run and engine. */
export function fixedMoment(): Pick<ImportOptions, 'clock' | 'random'> {
  let next = 0;
  return {
    clock: { now: () => Date.UTC(2026, 0, 31, 12) },
    random: { bytes: (length) => createHash('sha512').update(String(next++)).digest().subarray(0, length) },
  };
}

export function importLines(
  database: Database,
  lines: readonly unknown[],
  options: Partial<ImportOptions> = {},
): Promise<ImportCounts> {
  return importInputs(database, [input(lines)], { ...fixedMoment(), ...options });
}

export async function exported(database: Database, full: boolean): Promise<string[]> {
  return database.transaction({ mode: 'snapshot' }, async (session) => {
    const lines: string[] = [];
    for await (const line of exportLines(session, { full })) lines.push(line);
    return lines;
  });
}

export async function digestOf(database: Database): Promise<string> {
  return (await snapshotSourceOf(database)(substrateDigest)).digest;
}

/** The code of the error that a promise rejects with, and its context. */
export async function failure(
  promise: Promise<unknown>,
): Promise<{ code: string; context: Readonly<Record<string, unknown>> }> {
  try {
    await promise;
  } catch (error) {
    if (isValenceError(error)) return { code: error.code, context: error.context };
    throw error;
  }
  throw new Error('expected a rejection');
}

/** Beliefs 1..9 and their edges, with every optional field somewhere, hard text and numbers, and two models. */
export const SAMPLE: readonly unknown[] = [
  {
    id: beliefId(1),
    content: 'water boils at 100 °C\n"at sea level"\t\\',
    confidence: 0.719,
    domains: ['physics', 'naïve'],
  },
  {
    id: beliefId(2),
    content: '水は氷になる 🧊',
    confidence: 1e-7,
    dimensions: { evidence: 0.5, recency: 1 },
    provenance: { source_type: 'book', source_id: 'isbn:1' },
    embeddings: { small: [0.1, -2.5e-8, 3], large: [1, 2, 3, 4] },
  },
  // Digits that JavaScript would not keep.
  `{"id": "${beliefId(3)}", "content": "exact", "metadata": {"a": 1.0, "b": [12345678901234567890, -0.10e-3], "c": "\\u0001"}}`,
  {
    id: beliefId(4),
    content: 'valid for a while',
    valid_from: '2024-02-29T23:59:59.123456+05:30',
    valid_until: '2030-01-01T00:00:00Z',
    provenance: [
      { source_type: 'web', source_id: 'https://example.org/ä?b="c"' },
      { source_type: 'book', source_id: 'isbn:1' },
    ],
  },
  { id: beliefId(5), content: 'disputed', status: 'disputed', embeddings: { small: [0, -0, 1] } },
  { id: beliefId(6), content: 'archived', status: 'archived', confidence: 0 },
  { id: beliefId(7), content: 'x'.repeat(300_000) },
  { id: beliefId(8), content: 'alone' },
  { id: beliefId(9), content: 'replaced', status: 'superseded' },
  { source: beliefId(1), target: beliefId(2), type: 'supports', weight: 0.4 },
  { source: beliefId(4), target: beliefId(3), type: 'contradicts', weight: 0.25, metadata: { why: 'dates' } },
  { source: beliefId(2), target: beliefId(4), type: 'derives_from', valid_from: '2020-01-01T00:00:00Z' },
  { source: beliefId(1), target: beliefId(9), type: 'supersedes' },
  { source: beliefId(5), target: beliefId(6), type: 'supports', weight: 1 },
];
