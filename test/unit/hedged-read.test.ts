import { describe, expect, it } from 'vitest';
import { ValenceError } from '../../src/core/errors.ts';
import { readHedged } from '../../src/vault/hedged-read.ts';
import { rejection } from '../support/expect-code.ts';
import { FakeTimer, turn } from '../support/fake-timer.ts';

type Answer = PromiseWithResolvers<string | null>;

/** Candidates that answer when told to. */
function asked(
  count: number,
  needed: number,
  signal?: AbortSignal,
): {
  timer: FakeTimer;
  begun: number[];
  answers: Answer[];
  aborted: number[];
  done: Promise<string[]>;
} {
  const timer = new FakeTimer();
  const [begun, aborted]: [number[], number[]] = [[], []];
  const answers = Array.from({ length: count }, () => Promise.withResolvers<string | null>());
  const done = readHedged<number, string>({
    candidates: answers.map((_, i) => i),
    needed,
    read: (i, stopped) => {
      begun.push(i);
      stopped.addEventListener('abort', () => {
        aborted.push(i);
        answers[i]!.reject(stopped.reason);
      });
      return answers[i]!.promise;
    },
    patienceMs: () => 100,
    timer,
    signal,
  });
  done.catch(() => {});
  return { timer, begun, answers, aborted, done };
}

describe('a hedged read', () => {
  it('asks for as many as it needs', async () => {
    const { begun, answers, done, timer } = asked(5, 3);
    for (const i of [2, 0, 1]) answers[i]!.resolve(`${i}`);
    expect(await done).toEqual(['2', '0', '1']);
    expect([begun, timer.pending]).toEqual([[0, 1, 2], 0]);
  });

  it('asks one more for each that fails', async () => {
    const { begun, answers, done } = asked(5, 2);
    answers[0]!.resolve(null);
    await turn();
    expect(begun).toEqual([0, 1, 2]);
    answers[2]!.resolve(null);
    await turn();
    answers[3]!.resolve('3');
    answers[1]!.resolve('1');
    expect((await done).toSorted()).toEqual(['1', '3']);
  });

  it('asks one more for each that is late, and lets go of who lost', async () => {
    const { begun, answers, aborted, done, timer } = asked(5, 2);
    answers[0]!.resolve('0');
    await timer.advance(99);
    expect(begun).toEqual([0, 1]);
    await timer.advance(1);
    expect(begun).toEqual([0, 1, 2]);
    await timer.advance(100);
    expect(begun).toEqual([0, 1, 2, 3]);
    answers[3]!.resolve('3');
    expect(await done).toEqual(['0', '3']);
    await turn();
    expect(aborted).toEqual(expect.arrayContaining([1, 2]));
    expect(timer.pending).toBe(0);
  });

  it('takes a late one that answers first', async () => {
    const { answers, done, timer, begun } = asked(3, 1);
    await timer.advance(100);
    expect(begun).toEqual([0, 1]);
    answers[0]!.resolve('0');
    expect(await done).toEqual(['0']);
  });

  it('asks each once, and gives what there is', async () => {
    const { begun, answers, done, timer } = asked(3, 2);
    await timer.advance(1_000);
    expect(begun).toEqual([0, 1, 2]);
    answers[0]!.resolve(null);
    answers[1]!.resolve('1');
    answers[2]!.resolve(null);
    expect(await done).toEqual(['1']);
    expect(await asked(0, 2).done).toEqual([]);
  });

  it('ends with a fault, and when it is cancelled', async () => {
    const faulty = asked(3, 2);
    faulty.answers[1]!.reject(new ValenceError('internal/invariant', 'a fault of ours'));
    await rejection(faulty.done, 'internal/invariant');
    await turn();
    expect(faulty.aborted).toContain(0);
    const controller = new AbortController();
    const cancelled = asked(3, 2, controller.signal);
    controller.abort(new ValenceError('cancelled', 'enough'));
    await rejection(cancelled.done, 'cancelled');
    expect(cancelled.timer.pending).toBe(0);
  });
});
