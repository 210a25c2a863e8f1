import { MemoryBackend } from '../support/memory-backend.ts';
import { describeBackendContract } from './backend-contract.ts';

describeBackendContract('the memory backend of the tests', async () => new MemoryBackend());
