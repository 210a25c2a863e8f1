import { join } from 'node:path';
import { systemClock, systemTimer } from '../../src/core/clock.ts';
import { systemRandom } from '../../src/core/random.ts';
import type { Backend } from '../../src/backends/backend.ts';
import { openDirectory } from '../../src/backends/directory/directory.ts';
import { wrapBackend } from '../../src/backends/wrappers/compose.ts';
import { limitConcurrency } from '../../src/backends/wrappers/concurrency.ts';
import { dryRun } from '../../src/backends/wrappers/dry-run.ts';
import { Limits, limitRates } from '../../src/backends/wrappers/limit.ts';
import { Meter, meterCalls } from '../../src/backends/wrappers/meter.ts';
import { PassingBackend } from '../../src/backends/wrappers/passing-backend.ts';
import { rememberWrites } from '../../src/backends/wrappers/remembering.ts';
import { retryCalls } from '../../src/backends/wrappers/retry.ts';
import { Slots } from '../../src/backends/wrappers/slots.ts';
import { limitTime } from '../../src/backends/wrappers/timeout.ts';
import { failsAfter, failsBefore, faultyBackend, randomFaults } from '../support/faulty-backend.ts';
import { LockingMemoryBackend } from '../support/locking-memory-backend.ts';
import { MemoryBackend } from '../support/memory-backend.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { describeBackendContract } from './backend-contract.ts';

const timer = systemTimer;
const name = 'wrapped';

const WRAPPERS: Readonly<Record<string, (inner: Backend) => Backend>> = {
  'the wrapper that passes everything': (inner) => new PassingBackend(inner),
  retry: (inner) => retryCalls(inner, { timer, random: systemRandom }),
  'limits without limits': (inner) => limitRates(inner, new Limits(timer)),
  limits: (inner) =>
    limitRates(inner, new Limits(timer, { uploadBytes: 1e9, downloadBytes: 1e9, operations: 1_000_000 })),
  'concurrency of one': (inner) => limitConcurrency(inner, new Slots(1)),
  'concurrency of four': (inner) => limitConcurrency(inner, new Slots(4)),
  meter: (inner) => meterCalls(inner, new Meter(timer)),
  timeout: (inner) => limitTime(inner, { name, timer }),
  'dry run': (inner) => dryRun(inner, { name }),
};

for (const [subject, wrap] of Object.entries(WRAPPERS)) {
  describeBackendContract(`${subject} around memory`, async () => wrap(new MemoryBackend()));
}

const FAST = { firstDelayMs: 1, delayMsMax: 2, triesMax: 50 };

describeBackendContract('retry around memory with every fourth call lost on its way or back', async () => {
  const plan = randomFaults('contract', 0.25, (_, pick) => (pick(2) === 0 ? failsBefore() : failsAfter()));
  return retryCalls(faultyBackend(new MemoryBackend(), plan), { timer, random: systemRandom, ...FAST });
});

describeBackendContract('memory of writes around memory', async () => {
  const folder = await temporaryFolder();
  const backend = rememberWrites(new MemoryBackend(), { name, folder: folder.path });
  return Object.assign(backend, { [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() });
});

describeBackendContract('all wrappers around a store with object lock', async () =>
  wrapBackend(new LockingMemoryBackend(systemClock), { name }),
);

describeBackendContract('all wrappers around a directory', async () => {
  const folder = await temporaryFolder();
  const clock = systemClock;
  const inner = await openDirectory({ root: join(folder.path, 'store'), name, mustExist: false, clock });
  const limits = new Limits(timer, { uploadBytes: 1e9, downloadBytes: 1e9, operations: 1_000_000 });
  const backend = wrapBackend(inner, { name, limits, remember: { folder: join(folder.path, 'kept') } });
  return Object.assign(backend, { [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() });
});
