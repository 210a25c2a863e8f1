import { EDGE_TYPES } from '../../../src/app/knowledge-calls.ts';
import type { Valence } from '../../../src/app.ts';
import { isValenceError } from '../../../src/core/errors.ts';
import { drawFrom, MOMENTS } from './random-world.ts';
import type { Draw } from './random-world.ts';
import type { Walk } from './walks.ts';
import type { Seen, View, World } from './world.ts';

/** A question to the library, and both answers in a form in which they are equal when they say the same. */
export interface Question {
  readonly asked: string;
  readonly given: unknown;
  readonly expected: unknown;
}

export interface Asking {
  readonly world: World;
  readonly valence: Valence;
  readonly draw: Draw;
}

export type Ask = (asking: Asking) => Promise<Question>;

/** Asks so many questions of a kind, and gives those that are answered wrongly. */
export async function wrongAnswers(
  ask: Ask,
  asking: Omit<Asking, 'draw'>,
  times: number,
): Promise<readonly Question[]> {
  const draw = drawFrom(`${ask.name} ${asking.world.beliefs[0]!.id}`);
  const wrong: Question[] = [];
  for (let time = 0; time < times; time += 1) {
    const question = await ask({ ...asking, draw });
    if (JSON.stringify(question.given) !== JSON.stringify(question.expected)) wrong.push(question);
  }
  return wrong;
}

export const EVERYTHING = 100_000;
export const NOT_IN_VIEW = 'graph/not-found';

export function randomView(draw: Draw): View {
  return {
    ...(draw.chance(0.35) && { as_of: draw.pick(MOMENTS) }),
    ...(draw.chance(0.35) && { known_at: draw.pick(MOMENTS) }),
  };
}

export function randomWalk(draw: Draw): Walk {
  return {
    ...(draw.chance(0.5) && { types: draw.some(EDGE_TYPES, 0.6) }),
    ...(draw.chance(0.7) && { direction: draw.pick(['outgoing', 'incoming', 'both'] as const) }),
  };
}

export function randomBelief({ world, draw }: Asking): string {
  return draw.pick(draw.pick(world.islands));
}

/** The answer, or the code of its refusal. */
export async function answerOf<T>(answer: Promise<T>, form: (answer: T) => unknown): Promise<unknown> {
  try {
    return form(await answer);
  } catch (error) {
    if (isValenceError(error)) return error.code;
    throw error;
  }
}

/** What is seen, if that can be asked from there. */
export function expectFrom(seen: Seen, starts: readonly string[], form: () => unknown): unknown {
  return starts.every((id) => seen.beliefs.has(id)) ? form() : NOT_IN_VIEW;
}

export function reached(beliefs: readonly { readonly id: string; readonly hops: number }[]): string[] {
  return beliefs.map(({ id, hops }) => `${hops} ${id}`);
}

/** To so many digits that single precision and the order of sums make no difference. */
export function figure(value: number): string {
  return (Math.round(value * 1e6) / 1e6 + 0).toFixed(6);
}
