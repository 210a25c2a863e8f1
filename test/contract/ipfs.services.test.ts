import { afterAll, beforeAll } from 'vitest';
import { openIpfs } from '../../src/backends/ipfs/open-ipfs.ts';
import type { KuboServer } from '../support/servers/kubo.ts';
import { startKubo } from '../support/servers/kubo.ts';
import { describeBackendContract } from './backend-contract.ts';

let kubo: KuboServer;
let folders = 0;

beforeAll(async () => {
  kubo = await startKubo();
});
afterAll(() => kubo[Symbol.asyncDispose]());

describeBackendContract('a folder of a Kubo node', () => {
  folders += 1;
  return openIpfs({ name: 'kubo', api: kubo.api(), folder: `/contract/${folders}` });
});
