import { invariant, isValenceError } from '../core/errors.ts';
import type { ValenceError } from '../core/errors.ts';
import { DECODINGS_MAX } from '../core/limits.ts';
import { decodeStripe } from '../format/sealing/stripe.ts';
import type { StripeGeometry } from '../format/sealing/stripe.ts';

/** Decoding when some shards may be wrong though they have the names that are told: repair records are not signed (F-7.6.7). */

/** Without its mask. */
export interface PlainShard {
  readonly index: number;
  readonly bytes: Uint8Array;
}

type Choice = readonly (Uint8Array | null)[];

/**
 * The pack from the first choice of shards that decodes to it; no more than `DECODINGS_MAX` of them are tried.
 * @throws as `decodeStripe` for the first choice
 */
export async function decodeAny(geometry: StripeGeometry, choices: AsyncIterable<Choice>): Promise<Uint8Array> {
  let failure: ValenceError | null = null;
  let tried = 0;
  for await (const choice of choices) {
    const pack = decodeOrError(geometry, choice);
    if (!isValenceError(pack)) return pack;
    failure ??= pack;
    tried += 1;
    if (tried === DECODINGS_MAX) break;
  }
  invariant(failure !== null, 'there is a first choice');
  throw failure;
}

/** Whether some k of these shards give the pack; no more than `DECODINGS_MAX` choices are tried. */
export function someDecode(geometry: StripeGeometry, shards: readonly PlainShard[]): boolean {
  let tried = 0;
  for (const choice of choicesOf(geometry, shards)) {
    if (!isValenceError(decodeOrError(geometry, choice))) return true;
    tried += 1;
    if (tried === DECODINGS_MAX) return false;
  }
  return false;
}

function decodeOrError(geometry: StripeGeometry, choice: Choice): Uint8Array | ValenceError {
  try {
    return decodeStripe(geometry, choice);
  } catch (error) {
    if (isValenceError(error, 'integrity/authentication-failed')) return error;
    throw error;
  }
}

/** Every choice of k shards of different indices, those that stand first in the list first. */
export function* choicesOf({ k, n }: StripeGeometry, shards: readonly PlainShard[]): Generator<(Uint8Array | null)[]> {
  const chosen: (Uint8Array | null)[] = Array.from({ length: n }, () => null);
  function* choose(from: number, left: number): Generator<(Uint8Array | null)[]> {
    if (left === 0) {
      yield [...chosen];
      return;
    }
    for (let at = from; at + left <= shards.length; at += 1) {
      const { index, bytes } = shards[at]!;
      if (chosen[index] !== null) continue;
      chosen[index] = bytes;
      yield* choose(at + 1, left - 1);
      chosen[index] = null;
    }
  }
  yield* choose(0, k);
}
