import { equalBytes, toHex } from '../../core/bytes.ts';
import { isValenceError } from '../../core/errors.ts';
import { sha256 } from '../../format/shard/name.ts';
import type { Check, Finding } from './check.ts';
import { passed } from './check.ts';
import { mustHold } from './checked-place.ts';

/** Promises that one caller with one object at a time can see. */

const SIZES: readonly number[] = [0, 1, 4096, 100_000];
/** What `ranges` reads of. */
const RANGED_BYTES = 100_000;
/** Named for its content, as objects of a vault are: by that a key that cannot read knows that they are equal. */
const AGAIN = `again-${toHex(sha256(bodyOf(RANGED_BYTES))).slice(0, 16)}`;

const READ_HINT = 'enough for `backup run` from this host; restore and verify need a key that may read';

export const connection: Check = {
  name: 'connection',
  isNeeded: true,
  async run(place) {
    const found = await place.list();
    mustHold(found.size === 0, `a new prefix already lists ${found.size} objects`);
    return passed(place.backend.location);
  },
};

export const write: Check = {
  name: 'write',
  isNeeded: true,
  async run(place) {
    for (const size of SIZES) await place.put(`sizes/${size}`, bodyOf(size));
    await place.put(AGAIN, bodyOf(RANGED_BYTES));
    await place.put(AGAIN, bodyOf(RANGED_BYTES));
    return passed(`objects of ${SIZES[0]} to ${SIZES.at(-1)} bytes, the same one twice`);
  },
};

export const readBack: Check = {
  name: 'read back',
  async run(place): Promise<Finding> {
    try {
      await place.get('sizes/1');
    } catch (error) {
      if (!isValenceError(error, 'backend/denied')) throw error;
      place.canRead = false;
      return { status: 'warned', detail: 'this key cannot read', hint: READ_HINT };
    }
    for (const size of SIZES) {
      await place.mustHave(`sizes/${size}`, bodyOf(size), 'after its put');
      const info = await place.stat(`sizes/${size}`);
      mustHold(info !== null, `stat does not find sizes/${size} after its put`);
      mustHold(info.sizeBytes === size, `stat gives ${info.sizeBytes} bytes for an object of ${size}`);
      mustHold(info.name === place.name(`sizes/${size}`), `stat calls sizes/${size} ${info.name}`);
    }
    return passed('every byte as it was written');
  },
};

const RANGES = [[0, 10], [0, 100_000], [4096, 4096], [65_536, 34_464], [99_999, 1], [500, 0], [100_000, 0]] as const; // prettier-ignore
const RANGES_PAST_END = [[99_999, 2], [0, 100_001], [100_001, 0], [200_000, 10]] as const; // prettier-ignore

export const ranges: Check = {
  name: 'ranges',
  needsReading: true,
  async run(place) {
    const body = await place.get(AGAIN);
    mustHold(body.length === RANGED_BYTES, `an object of ${RANGED_BYTES} bytes reads as ${body.length}`);
    for (const [offset, length] of RANGES) {
      const part = await place.get(AGAIN, { offset, length });
      const asked = `bytes ${offset} to ${offset + length}`;
      mustHold(part.length === length, `asked for ${asked}, it gives ${part.length} bytes`);
      mustHold(equalBytes(part, body.subarray(offset, offset + length)), `asked for ${asked}, it gives others`);
    }
    for (const [offset, length] of RANGES_PAST_END) {
      const what = `reading ${offset} to ${offset + length} of ${body.length} bytes`;
      await place.mustReject(place.get(AGAIN, { offset, length }), 'backend/invalid-range', what);
    }
    const how = place.backend.traits.rangeReads ? 'read alone' : 'cut out of the whole object';
    return passed(`${RANGES.length} ranges, ${how}; ${RANGES_PAST_END.length} past the end refused`);
  },
};

export const absentObjects: Check = {
  name: 'absent objects',
  needsReading: true,
  async run(place) {
    for (const name of ['never', 'sizes', 'sizes/1/below']) {
      mustHold((await place.stat(name)) === null, `stat finds ${name}, which was never put`);
      await place.mustReject(place.get(name), 'backend/not-found', `get of ${name}, which was never put,`);
    }
    return passed('told from those that are there');
  },
};

export const listAfterWrite: Check = {
  name: 'list after write',
  async run(place) {
    await place.put('sizes-too/1', bodyOf(1));
    const expected = new Map(SIZES.map((size) => [String(size), size]));
    const found = await place.list('sizes/');
    for (const [name, size] of expected) {
      mustHold(found.has(name), `sizes/${name} is not listed after its put`);
      mustHold(found.get(name) === size, `sizes/${name} is listed with ${found.get(name)} bytes`);
    }
    mustHold(found.size === expected.size, `${found.size} objects are listed where ${expected.size} were put`);
    const all = await place.list();
    mustHold(all.size === expected.size + 2, `${all.size} objects are listed where ${expected.size + 2} were put`);
    return passed(`${all.size} objects, each once and with its size`);
  },
};

const OVERWRITE_HINT =
  'objects must never change: use a bucket or server that has conditional writes, or give nobody else the right to write';

export const overwrite: Check = {
  name: 'overwrite',
  async run(place): Promise<Finding> {
    const body = place.random.bytes(3000);
    await place.put('once', body);
    for (const [what, other] of Object.entries({
      'other content of the same size': place.random.bytes(3000),
      'more content': place.random.bytes(3001),
      'an empty body': new Uint8Array(0),
    })) {
      await place.mustReject(place.put('once', other), 'backend/already-exists', `a put of ${what} over an object`);
      await place.mustHave('once', body, `after a put of ${what} over it`);
    }
    if (place.backend.traits.conditionalPut) return passed('refused, also between processes');
    const detail = 'refused, but two processes that write the same name at the same moment are not told apart';
    return { status: 'warned', detail, hint: OVERWRITE_HINT };
  },
};

const DELETE_HINT = 'enough for `backup run`; removing old snapshots needs a key that may delete';

export const deletion: Check = {
  name: 'delete',
  async run(place): Promise<Finding> {
    const [first, second] = [place.random.bytes(1000), place.random.bytes(2000)];
    await place.put('passing', first);
    try {
      await place.delete('passing');
    } catch (error) {
      if (!isValenceError(error, 'backend/denied')) throw error;
      place.canDelete = false;
      return { status: 'warned', detail: 'this key cannot delete', hint: DELETE_HINT };
    }
    await place.mustNotHave('passing', 'after its delete');
    await place.delete('passing');
    await place.put('passing', second);
    await place.mustHave('passing', second, 'put again after its delete');
    await place.delete('passing');
    return passed('gone at once, and again without complaint');
  },
};

/** The same bytes each time, other ones for each size. */
function bodyOf(size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => (i * 31 + (i >> 8) * 17 + size) & 0xff);
}
