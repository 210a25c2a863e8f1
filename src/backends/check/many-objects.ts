import { isValenceError } from '../../core/errors.ts';
import type { Check } from './check.ts';
import { passed } from './check.ts';
import type { CheckedPlace } from './checked-place.ts';
import { mustHold } from './checked-place.ts';

/** Promises that show under load, over time and at size. */

const KIB = 1024;
const MIB = 1024 * KIB;
const CALLS_AT_ONCE_MAX = 16;
const PARALLEL_BYTES = 32 * KIB;

export const concurrency: Check = {
  name: 'concurrency',
  async run(place) {
    const count = Math.max(2, Math.min(CALLS_AT_ONCE_MAX, place.backend.traits.maxConcurrency));
    const bodies = Array.from({ length: count }, () => place.random.bytes(PARALLEL_BYTES));
    const ms = await place.timed(() => settled(bodies.map((body, i) => place.put(`parallel/${i}`, body))));
    const found = await place.list('parallel/');
    mustHold(found.size === count, `of ${count} objects put at once ${found.size} are listed`);
    for (const [i, body] of bodies.entries())
      await place.mustHave(`parallel/${i}`, body, `after ${count} puts at once`);
    await oneWinner(place, bodies);
    place.figures.push(`${count} puts of 32 KiB at once in ${Math.round(ms)} ms`);
    return passed(`${count} puts at once, each object whole; of ${count} with one name one succeeds`);
  },
};

async function oneWinner(place: CheckedPlace, bodies: readonly Uint8Array[]): Promise<void> {
  const outcomes = await Promise.allSettled(bodies.map((body) => place.put('contested', body)));
  const winners = bodies.filter((_, i) => outcomes[i]?.status === 'fulfilled');
  for (const outcome of outcomes) {
    if (outcome.status === 'rejected' && !isValenceError(outcome.reason, 'backend/already-exists'))
      throw outcome.reason;
  }
  const [winner] = winners;
  const what = `of ${bodies.length} puts of different content under one name ${winners.length} succeed`;
  mustHold(winner !== undefined && winners.length === 1, what);
  await place.mustHave('contested', winner, 'after several puts of it at once');
}

/** Waits for all of them, so that none goes on when the first has failed. */
async function settled(calls: readonly Promise<void>[]): Promise<void> {
  for (const outcome of await Promise.allSettled(calls)) {
    if (outcome.status === 'rejected') throw outcome.reason;
  }
}

const ROUNDS = 10;

export const consistency: Check = {
  name: 'consistency',
  async run(place) {
    for (let round = 0; round < ROUNDS; round += 1) {
      const name = `round/${round}`;
      const body = place.random.bytes(500 + round);
      await place.put(name, body);
      await place.mustHave(name, body, 'right after its put');
      mustHold((await place.list('round/')).has(String(round)), `right after its put, ${name} is not listed`);
      if (!place.canDelete) continue;
      await place.delete(name);
      await place.mustNotHave(name, 'right after its delete');
    }
    return passed(`${ROUNDS} times at once ${place.canDelete ? 'there and at once gone' : 'there'}`);
  },
};

const LARGE_BYTES = 5 * MIB;
const TAIL_BYTES = 64 * KIB;

export const largeObject: Check = {
  name: 'large object',
  async run(place) {
    const size = Math.min(place.backend.traits.maxObjectBytes, LARGE_BYTES);
    const body = place.random.bytes(size);
    const upMs = await place.timed(() => place.put('large', body));
    const downMs = await place.timed(() => place.mustHave('large', body, 'after its put'));
    place.figures.push(`up ${speedOf(size, upMs)}`);
    if (place.canRead) {
      place.figures.push(`down ${speedOf(size, downMs)}`);
      const length = Math.min(TAIL_BYTES, size);
      const tail = await place.get('large', { offset: size - length, length });
      mustHold(Buffer.compare(tail, body.subarray(size - length)) === 0, `its last ${length} bytes are others`);
    }
    return passed(`${size} bytes`);
  },
};

function speedOf(bytes: number, milliseconds: number): string {
  return `${(bytes / MIB / (Math.max(milliseconds, 1) / 1000)).toFixed(1)} MiB/s`;
}

const SAMPLES = 5;

export const speed: Check = {
  name: 'speed',
  async run(place) {
    const times: number[] = [];
    for (let i = 0; i < SAMPLES; i += 1) {
      const body = place.random.bytes(KIB);
      times.push(await place.timed(() => place.put(`small/${i}`, body)));
    }
    const median = times.toSorted((a, b) => a - b)[SAMPLES >> 1] ?? 0;
    return passed([`a small put ${Math.round(median)} ms`, ...place.figures].join('; '));
  },
};
