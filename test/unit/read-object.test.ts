import { afterEach, describe, expect, it, vi } from 'vitest';
import { backendError } from '../../src/backends/backend-error.ts';
import { sha256 } from '../../src/format/shard/name.ts';
import { objectLost, readWholeObject } from '../../src/vault/read-object.ts';
import { hookedBackend } from '../support/hooked-backend.ts';
import { MemoryBackend } from '../support/memory-backend.ts';
import { filler } from '../support/tree-fixture.ts';

const BYTES = filler('object', 500);
const NAME = 'index/object';

function copy(name: string, bytes: Uint8Array = BYTES): MemoryBackend {
  return new MemoryBackend(name, new Map([[NAME, bytes]]));
}

afterEach(() => void vi.useRealTimers());

describe('an object that lies whole in several places', () => {
  it('is read from the first that has it, and who has not is named', async () => {
    const { bytes, problems } = await readWholeObject(
      [
        new MemoryBackend('empty'),
        copy(
          'wrong',
          BYTES.map((byte) => byte ^ 1),
        ),
        copy('right'),
        copy('never asked', filler('x', 1)),
      ],
      NAME,
      sha256(BYTES),
    );
    expect(bytes).toEqual(Buffer.from(BYTES));
    expect(problems.map(({ location, kind }) => `${kind} ${location}`)).toEqual([
      'missing memory:empty',
      'corrupt memory:wrong',
    ]);
  });

  it('is read from another place while one hangs', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const hanging = hookedBackend(copy('hanging'), {
      before: ({ signal }) =>
        new Promise((_, reject) => signal!.addEventListener('abort', () => reject(signal!.reason as Error))),
    });
    const read = readWholeObject([hanging, copy('right')], NAME, sha256(BYTES));
    await vi.advanceTimersByTimeAsync(3_000);
    expect(await read).toEqual({ bytes: Buffer.from(BYTES), problems: [] });
  });

  it('that lies in an archive is not lost', async () => {
    const archive = hookedBackend(copy('archive'), {
      before: ({ operation, name }) => {
        throw backendError('backend/archived', { backend: 'archive', operation, object: name }, 'not yet');
      },
    });
    const { bytes, problems } = await readWholeObject([archive, new MemoryBackend('empty')], NAME, sha256(BYTES));
    expect(bytes).toBeNull();
    expect(objectLost('the index segment', NAME, problems)).toMatchObject({
      code: 'backend/archived',
      message: 'the index segment index/object is still in an archive',
    });
    expect(objectLost('the index segment', NAME, problems.slice(1)).code).toBe('integrity/too-few-shards');
  });
});
