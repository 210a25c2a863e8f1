import { once } from 'node:events';
import { openDirectory } from '../../src/backends/directory/directory.ts';
import { isValenceError } from '../../src/core/errors.ts';

/**
 * A process of its own that puts forty objects with content of its own into a directory and reports the names it won.
 * Arguments: the root, the number that makes its content differ. Starts on the first message.
 */
const [root = '', seed = ''] = process.argv.slice(2);
const backend = await openDirectory({ root, name: 'd', mustExist: true });
const body = Uint8Array.from({ length: 5000 }, (_, i) => (i * 31 + (i >> 8) * 17 + Number(seed) * 7) & 0xff);
process.send?.('ready');
await once(process, 'message');
const won: string[] = [];
for (let i = 0; i < 40; i += 1) {
  const name = `shards/${10 + i}/x`;
  try {
    await backend.put(name, body);
    won.push(name);
  } catch (error) {
    if (!isValenceError(error, 'backend/already-exists')) throw error;
  }
}
process.send?.(won);
process.disconnect();
