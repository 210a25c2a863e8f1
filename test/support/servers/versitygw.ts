import { CreateBucketCommand, PutBucketPolicyCommand } from '@aws-sdk/client-s3';
import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '../temporary-folder.ts';
import type { S3Key, S3TestServer } from './s3-server.ts';
import { rawClient } from './s3-server.ts';
import { freePort, runServer, serverProgram } from './server-process.ts';

const REGION = 'us-east-1';

export interface VersityServer extends S3TestServer {
  /** A key that may do nothing until a bucket lets it. */
  readonly limitedKey: S3Key;
  /** Lets the limited key do these actions (`s3:PutObject`, …) in a bucket, and no others. */
  allowLimitedKey(bucket: string, actions: readonly string[]): Promise<void>;
}

/** Versity's S3 gateway over a folder, with versions and object lock; random keys, on loopback. */
export async function startVersitygw(): Promise<VersityServer> {
  const folder = await temporaryFolder();
  const [data, versions, iam] = ['data', 'versions', 'iam'].map((name) => join(folder.path, name)) as [
    string,
    string,
    string,
  ];
  await Promise.all([data, versions, iam].map((path) => mkdir(path)));
  const [root, limitedKey] = [randomKey(), randomKey()];
  await writeFile(join(iam, 'users.json'), JSON.stringify(usersFile(limitedKey)));
  const endpoint = `http://127.0.0.1:${await freePort()}`;
  const server = await runServer({
    program: serverProgram('versitygw'),
    parameters: [
      ...['--port', new URL(endpoint).host, '--region', REGION, '--iam-dir', iam, '--keep-alive', '--quiet'],
      ...['posix', '--versioning-dir', versions, data],
    ],
    folder: folder.path,
    env: { ROOT_ACCESS_KEY_ID: root.accessKeyId, ROOT_SECRET_ACCESS_KEY: root.secretAccessKey },
    answers: () => fetch(endpoint),
  });
  const client = rawClient({ endpoint, region: REGION }, root);
  return {
    endpoint,
    region: REGION,
    ...root,
    limitedKey,
    async createBucket(name, { objectLock = false } = {}) {
      await client.send(new CreateBucketCommand({ Bucket: name, ObjectLockEnabledForBucket: objectLock }));
    },
    async allowLimitedKey(bucket, actions) {
      const Policy = JSON.stringify(policyFor(bucket, limitedKey.accessKeyId, actions));
      await client.send(new PutBucketPolicyCommand({ Bucket: bucket, Policy }));
    },
    async [Symbol.asyncDispose]() {
      client.destroy();
      await server[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

function randomKey(): S3Key {
  return { accessKeyId: `T${randomBytes(8).toString('hex')}`, secretAccessKey: randomBytes(20).toString('hex') };
}

/** As the gateway's own administration would write it. */
function usersFile({ accessKeyId, secretAccessKey }: S3Key): unknown {
  const user = { access: accessKeyId, secret: secretAccessKey, role: 'user', userID: 0, groupID: 0, projectID: 0 };
  return { accessAccounts: { [accessKeyId]: user } };
}

function policyFor(bucket: string, user: string, actions: readonly string[]): unknown {
  const resources = [`arn:aws:s3:::${bucket}`, `arn:aws:s3:::${bucket}/*`];
  const statements = actions.map((Action) => ({
    Effect: 'Allow',
    Principal: { AWS: [user] },
    Action,
    Resource: /Bucket/.test(Action) ? resources[0] : resources[1],
  }));
  return { Version: '2012-10-17', Statement: statements };
}
