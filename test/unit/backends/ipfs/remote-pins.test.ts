import { describe, expect, test } from 'vitest';
import { openPinningService } from '../../../../src/backends/ipfs/remote-pins.ts';
import type { PinKeeper } from '../../../support/servers/pin-keeper.ts';
import { startPinKeeper } from '../../../support/servers/pin-keeper.ts';

const CID = 'bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku';
const REQUEST = { cid: CID, name: 'valence-a', origins: ['/ip4/192.0.2.1/tcp/4001'] };

function serviceOf({ url, token }: PinKeeper, given: { token?: string } = {}): ReturnType<typeof openPinningService> {
  return openPinningService('kubo', { name: 'keeper', endpoint: `${url}/`, token: given.token ?? token });
}

describe('a pinning service', () => {
  test('keeps what it is asked to, and lists it by name', async () => {
    await using keeper = await startPinKeeper();
    const service = serviceOf(keeper);
    const { requestId } = await service.add(REQUEST);
    await service.add({ ...REQUEST, name: 'valence-b' });
    expect(await service.pins('valence-a')).toEqual([{ requestId, status: 'queued', cid: CID, delegates: [] }]);
    expect(keeper.pins[0]).toMatchObject(REQUEST);
    await service.remove(requestId);
    expect(await service.pins('valence-a')).toEqual([]);
    expect(keeper.complaints).toEqual([]);
  });

  test('shows pins in every state, newest first', async () => {
    await using keeper = await startPinKeeper();
    const service = serviceOf(keeper);
    for (const status of ['failed', 'queued', 'pinning', 'pinned'] as const) {
      await service.add(REQUEST);
      keeper.pins.at(-1)!.status = status;
    }
    const statuses = (await service.pins('valence-a')).map((pin) => pin.status);
    expect(statuses).toEqual(['pinned', 'pinning', 'queued', 'failed']);
  });

  test('hears of no more than twenty addresses', async () => {
    await using keeper = await startPinKeeper();
    const origins = Array.from({ length: 30 }, (_, i) => `/ip4/192.0.2.${i}/tcp/4001`);
    await serviceOf(keeper).add({ ...REQUEST, origins });
    expect(keeper.pins[0]!.origins).toEqual(origins.slice(0, 20));
  });

  test('says why it refuses, without the token', async () => {
    await using keeper = await startPinKeeper();
    const refused = serviceOf(keeper, { token: 'wrong' }).pins('valence-a');
    await expect(refused).rejects.toThrow(/^the service answers 401: UNAUTHORIZED$/);
  });

  test.for(['http://pins.example', 'ftp://pins.example', 'https://user:secret@pins.example', 'pins'])(
    'is not reached at %s',
    (endpoint) => {
      const open = (): unknown => openPinningService('kubo', { name: 'keeper', endpoint, token: 'secret' });
      expect(open).toThrow(expect.objectContaining({ code: 'config/invalid' }));
      expect(open).toThrow(expect.not.objectContaining({ message: expect.stringContaining('secret') }));
    },
  );
});
