import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '../temporary-folder.ts';
import type { S3TestServer } from './s3-server.ts';
import { rawClient } from './s3-server.ts';
import { freePort, runServer, serverProgram } from './server-process.ts';

const REGION = 'us-east-1';

/** `rclone serve s3` over a folder: another implementation, without versions, locks or users. */
export async function startRcloneS3(): Promise<S3TestServer> {
  const folder = await temporaryFolder();
  const data = join(folder.path, 'data');
  await mkdir(data);
  const [accessKeyId, secretAccessKey] = [randomBytes(8).toString('hex'), randomBytes(20).toString('hex')];
  const endpoint = `http://127.0.0.1:${await freePort()}`;
  const server = await runServer({
    program: serverProgram('rclone'),
    parameters: [
      'serve',
      's3',
      '--addr',
      new URL(endpoint).host,
      '--auth-key',
      `${accessKeyId},${secretAccessKey}`,
      data,
    ],
    folder: folder.path,
    env: { RCLONE_CONFIG: join(folder.path, 'rclone.conf') },
    answers: () => fetch(endpoint),
  });
  const client = rawClient({ endpoint, region: REGION }, { accessKeyId, secretAccessKey });
  return {
    endpoint,
    region: REGION,
    accessKeyId,
    secretAccessKey,
    async createBucket(name, { objectLock = false } = {}) {
      if (objectLock) throw new Error('rclone has no object lock');
      await client.send(new CreateBucketCommand({ Bucket: name }));
    },
    async [Symbol.asyncDispose]() {
      client.destroy();
      await server[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}
