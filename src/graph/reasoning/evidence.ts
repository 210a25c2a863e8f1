import { view } from '../../core/bytes.ts';
import { copyTuples } from '../../core/copy-stream.ts';
import { ValenceError } from '../../core/errors.ts';
import type { Session } from '../../schema/database.ts';
import type { GraphArrays } from '../arrays/graph-arrays.ts';
import { AscendingIds, ID_BYTES } from './ascending-ids.ts';

/** What beliefs rest on beside other beliefs; by the number of the belief. */
export interface Evidence {
  /** Sources it names. */
  readonly named: Int32Array;
  /** Of these, the ones that are not retired. */
  readonly trusted: Int32Array;
}

/** A tuple of binary COPY: the number of fields, then each with its length before it. */
const TUPLE_BYTES = 2 + (4 + ID_BYTES) + (4 + 4) + (4 + 4);
const ID_AT = 6;
const NAMED_AT = ID_AT + ID_BYTES + 4;
const TRUSTED_AT = NAMED_AT + 8;

/** One COPY of 38 bytes a belief that names a source; those of no belief in the arrays are passed over. */
export async function loadEvidence(session: Session, arrays: GraphArrays, signal?: AbortSignal): Promise<Evidence> {
  const { count } = arrays.beliefs;
  const evidence: Evidence = { named: new Int32Array(count), trusted: new Int32Array(count) };
  const stream = session.copyOut(
    `SELECT l.belief_id, count(*)::int4, (count(*) FILTER (WHERE s.id IS NOT NULL AND s.retired_at IS NULL))::int4
     FROM valence.belief_sources l LEFT JOIN valence.sources s ON s.id = l.source_id
     GROUP BY l.belief_id ORDER BY l.belief_id`,
    signal,
  );
  const numbers = new AscendingIds(arrays);
  for await (const tuples of copyTuples(stream)) {
    const bytes = view(tuples.bytes);
    if (bytes.length !== tuples.count * TUPLE_BYTES) throw malformed();
    for (let start = 0; start < bytes.length; start += TUPLE_BYTES) {
      const belief = numbers.next(bytes.subarray(start + ID_AT, start + ID_AT + ID_BYTES));
      if (belief < 0) continue;
      evidence.named[belief] = bytes.readInt32BE(start + NAMED_AT);
      evidence.trusted[belief] = bytes.readInt32BE(start + TRUSTED_AT);
    }
  }
  return evidence;
}

function malformed(): ValenceError {
  return new ValenceError('format/malformed', 'not the binary COPY stream expected: a tuple has another length');
}
