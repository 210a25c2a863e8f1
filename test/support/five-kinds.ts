import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Gate } from './servers/gate.ts';
import { openGate } from './servers/gate.ts';
import type { KuboServer } from './servers/kubo.ts';
import { startKubo } from './servers/kubo.ts';
import { startRcloneS3 } from './servers/rclone-s3.ts';
import type { S3TestServer } from './servers/s3-server.ts';
import type { SshServer } from './servers/sshd.ts';
import { startSshd } from './servers/sshd.ts';
import { startVersitygw } from './servers/versitygw.ts';

/** Places of every kind on real servers, each of which can be lost. */

export const KINDS = ['directory', 's3', 'ipfs', 'sftp', 's3-other'] as const;
export type PlaceKind = (typeof KINDS)[number];

export interface TestPlace {
  readonly name: string;
  /** What `backup config --add-backend NAME` needs to know of it. */
  readonly settings: readonly string[];
  /** Nobody reaches it, as if it were lost. */
  lose(): Promise<void>;
  /** It is there again, with all it had. */
  regain(): Promise<void>;
}

/** From a server's port to a way there. */
export type OpenDoor = (port: number) => Promise<Gate>;

export interface FiveKindsServers {
  readonly versity: S3TestServer;
  readonly rclone: S3TestServer;
  readonly kubo: KuboServer;
  readonly ssh: SshServer;
}

export interface FiveKinds extends AsyncDisposable {
  readonly servers: FiveKindsServers;
  /** What commands need in their environment: the secrets by the names that `settings` give. */
  readonly env: Readonly<Record<string, string>>;
  /** An empty place of its own behind a gate of its own, or behind what `openDoor` gives; a folder has none. */
  place(kind: PlaceKind, name: string, openDoor?: OpenDoor): Promise<TestPlace>;
}

interface NewPlace {
  readonly name: string;
  readonly openDoor: OpenDoor;
}

/** Starts the servers; their places share them, but no folder, bucket or gate. `folder`: for keys and directories. */
export async function startFiveKinds(folder: string): Promise<FiveKinds> {
  await using starting = new AsyncDisposableStack();
  const [versity, rclone, kubo, ssh] = await Promise.all([startVersitygw(), startRcloneS3(), startKubo(), startSshd()]);
  for (const server of [versity, rclone, kubo, ssh]) starting.use(server);
  const identity = join(folder, 'ssh-key');
  await writeFile(identity, ssh.privateKey, { mode: 0o600 });
  const kept = starting.move();

  async function gated(
    { name, openDoor }: NewPlace,
    port: number,
    settings: (port: number) => readonly string[],
  ): Promise<TestPlace> {
    const gate = kept.use(await openDoor(port));
    return {
      name,
      settings: settings(gate.port),
      lose: async () => gate.shut(),
      regain: async () => gate.open(),
    };
  }

  async function bucket(place: NewPlace, server: S3TestServer, secret: string): Promise<TestPlace> {
    const { name } = place;
    await server.createBucket(name);
    return gated(place, portOf(server.endpoint), (port) => [
      ...['--type', 's3', '--endpoint', `http://127.0.0.1:${port}`, '--region', server.region, '--path-style'],
      ...['--bucket', name, '--key-id', server.accessKeyId, '--key', `env:${secret}`, '--domain', `provider=${name}`],
    ]);
  }

  const makers: Readonly<Record<PlaceKind, (place: NewPlace) => Promise<TestPlace>>> = {
    directory: ({ name }) => directory(name, join(folder, 'disks', name)),
    s3: (place) => bucket(place, versity, 'VERSITY_SECRET'),
    's3-other': (place) => bucket(place, rclone, 'RCLONE_SECRET'),
    ipfs: (place) =>
      gated(place, portOf(kubo.api()), (port) => [
        ...['--type', 'ipfs', '--api', `http://127.0.0.1:${port}`, '--folder', `/${place.name}`],
        ...['--domain', place.name],
      ]),
    sftp: (place) =>
      gated(place, ssh.port, (port) => [
        ...['--type', 'sftp', '--host', ssh.host, '--port', String(port), '--user', ssh.user],
        ...['--path', join(ssh.folder, place.name), '--identity', `file:${identity}`],
        ...['--domain', place.name],
      ]),
  };
  return {
    env: { VERSITY_SECRET: versity.secretAccessKey, RCLONE_SECRET: rclone.secretAccessKey },
    servers: { versity, rclone, kubo, ssh },
    place: (kind, name, openDoor = openGate) => makers[kind]({ name, openDoor }),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** A folder that is moved away while it is lost. */
async function directory(name: string, path: string): Promise<TestPlace> {
  await mkdir(dirname(path), { recursive: true });
  return {
    name,
    settings: ['--type', 'directory', '--path', path],
    lose: () => rename(path, `${path}-away`),
    regain: () => rename(`${path}-away`, path),
  };
}

function portOf(url: string): number {
  return Number(new URL(url).port);
}
