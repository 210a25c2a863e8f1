import { join } from 'node:path';
import type { Backend } from '../backends/backend.ts';
import type { S3Credentials } from '../backends/s3/s3-options.ts';
import type { SftpAuth } from '../backends/sftp/login.ts';
import type { PriceTable } from '../backends/wrappers/cost.ts';
import { wrapBackend } from '../backends/wrappers/compose.ts';
import type { WrapOptions } from '../backends/wrappers/compose.ts';
import { Limits } from '../backends/wrappers/limit.ts';
import { Meter } from '../backends/wrappers/meter.ts';
import { Slots } from '../backends/wrappers/slots.ts';
import type { DirectoryConfig } from '../config/backends/directory.ts';
import type { IpfsConfig } from '../config/backends/ipfs.ts';
import type { Prices } from '../config/backends/settings.ts';
import type { S3Config } from '../config/backends/s3.ts';
import type { SftpConfig } from '../config/backends/sftp.ts';
import type { BackendConfig } from '../config/schema.ts';
import { resolveSecret } from '../config/secret-reference.ts';
import type { SecretReference } from '../config/secret-reference.ts';
import { systemTimer } from '../core/clock.ts';
import { ValenceError } from '../core/errors.ts';
import { describePublication } from './ipfs-publication.ts';
import { followLimits, ratesOf } from './live-limits.ts';
import { hostKeyPin } from './host-key-pin.ts';
import type { AppContext } from './context.ts';

/** From what the configuration says of a backend to one that can be called, with all its wrappers. */

export interface Opening {
  /** How errors call it. */
  readonly name: string;
  /** It is configured in the home, which keeps what is to be remembered of it. */
  readonly isConfigured: boolean;
  /** Make the folder where there is none, instead of taking it for a disk that is not mounted. */
  readonly mayMake?: boolean | undefined;
  /** Of the tier that it is opened for; null: its own. */
  readonly storageClass?: string | null | undefined;
  /** Of IPFS: what to read instead of the node's folder. */
  readonly root?: string | null | undefined;
  /** Nothing of what is written is to be remembered. */
  readonly keepsNothing?: boolean | undefined;
  /** Counts the calls. */
  readonly meter?: Meter | undefined;
}

/** What some kinds can do beside the contract. */
export interface BackendExtras {
  /** What the place, as it is set up, does not keep of the contract; one sentence each. */
  readonly warnings: readonly string[];
  /** Makes what a run has stored findable; what there is to say of that, one sentence each. */
  readonly publish: (signal: AbortSignal) => Promise<readonly string[]>;
}

const extras = new WeakMap<Backend, BackendExtras>();

/** Of a backend that `openBackend` gave; null where its kind has nothing beside the contract. */
export function extrasOf(backend: Backend): BackendExtras | null {
  return extras.get(backend) ?? null;
}

/**
 * Closed with the context, or by its `release`.
 * @throws `backend/*` where it cannot be opened, `config/invalid` where a secret cannot be looked up
 */
export async function openBackend(context: AppContext, config: BackendConfig, opening: Opening): Promise<Backend> {
  const { inner, own } = await openKind(context, config, opening);
  const limits = new Limits(systemTimer, ratesOf(config.limits));
  const wrapped = wrapBackend(inner, wrapOptions(context, config, opening, { inner, limits }));
  const backend = context.keep(opening.isConfigured ? followLimits(wrapped, opening.name, limits, context) : wrapped);
  if (own !== null) extras.set(backend, own);
  return backend;
}

interface OpenedKind {
  readonly inner: Backend;
  readonly own: BackendExtras | null;
}

async function openKind(context: AppContext, config: BackendConfig, opening: Opening): Promise<OpenedKind> {
  switch (config.type) {
    case 'directory':
      return { inner: await openDirectoryOf(context, config, opening), own: null };
    case 's3':
      return { inner: await openS3Of(context, config, opening), own: null };
    case 'ipfs':
      return openIpfsOf(context, config, opening);
    case 'sftp':
      return { inner: await openSftpOf(context, config, opening), own: null };
  }
}

// Each kind is loaded when the first backend of it is opened: their libraries take a while.

async function openDirectoryOf(
  { clock }: AppContext,
  { path, mount }: DirectoryConfig,
  { name, mayMake = false }: Opening,
): Promise<Backend> {
  const { openDirectory } = await import('../backends/directory/directory.ts');
  return openDirectory({ root: path, name, mustExist: !mayMake, mountPoint: mount ?? undefined, clock });
}

async function openS3Of(context: AppContext, config: S3Config, opening: Opening): Promise<Backend> {
  const { openS3 } = await import('../backends/s3/open-s3.ts');
  const { name, storageClass } = opening;
  const { encryption, kmsKey, objectLock } = config;
  return openS3({
    name,
    bucket: config.bucket,
    prefix: config.prefix,
    endpoint: config.endpoint ?? undefined,
    region: config.region,
    pathStyle: config.pathStyle,
    credentials: await s3Credentials(context, config, name),
    storageClass: storageClass ?? config.storageClass ?? undefined,
    serverSideEncryption:
      encryption === 'aws:kms'
        ? { algorithm: encryption, kmsKeyId: kmsKey ?? undefined }
        : encryption === null
          ? undefined
          : { algorithm: encryption },
    objectLock: objectLock === null ? undefined : { mode: objectLock },
    clock: context.clock,
  });
}

async function s3Credentials(context: AppContext, { credentials }: S3Config, name: string): Promise<S3Credentials> {
  if (credentials.kind !== 'key') return credentials;
  const { keyId, key, sessionToken } = credentials;
  const token =
    sessionToken === null ? undefined : await secretOf(context, sessionToken, `session-token of backend ${name}`);
  return {
    kind: 'keys',
    accessKeyId: typeof keyId === 'string' ? keyId : await secretOf(context, keyId, `key-id of backend ${name}`),
    secretAccessKey: await secretOf(context, key, `key of backend ${name}`),
    sessionToken: token,
  };
}

async function openIpfsOf(context: AppContext, config: IpfsConfig, { name, root }: Opening): Promise<OpenedKind> {
  const { openIpfs } = await import('../backends/ipfs/open-ipfs.ts');
  const pinning = [];
  for (const { endpoint, token } of config.pinning) {
    const service = new URL(endpoint).host;
    pinning.push({
      name: service,
      endpoint,
      token: await secretOf(context, token, `token for ${service} of backend ${name}`),
    });
  }
  const inner = await openIpfs({
    name,
    api: config.api,
    auth: config.auth === null ? undefined : await secretOf(context, config.auth, `auth of backend ${name}`),
    plainHttp: config.plainHttp,
    folder: config.folder,
    root: root ?? undefined,
    gateway: config.gateway ?? undefined,
    pinning,
    ipns: config.ipns ?? undefined,
  });
  return {
    inner,
    own: {
      warnings: inner.warnings,
      publish: async (signal) => describePublication(name, await inner.publish({ signal })),
    },
  };
}

async function openSftpOf(context: AppContext, config: SftpConfig, opening: Opening): Promise<Backend> {
  const { openSftp } = await import('../backends/sftp/open-sftp.ts');
  const { name, isConfigured, mayMake = false } = opening;
  const pin = isConfigured ? hostKeyPin(join(context.home.placesFolder, name)) : null;
  return openSftp({
    name,
    host: config.host,
    port: config.port,
    user: config.user,
    folder: config.path,
    auth: await sftpAuth(context, config, name),
    hostKey: config.hostKey ?? (await pin?.pinned()) ?? undefined,
    pinHostKey: pin?.pin,
    mustExist: !mayMake,
    clock: context.clock,
    random: context.random,
  });
}

async function sftpAuth(context: AppContext, { login }: SftpConfig, name: string): Promise<SftpAuth> {
  switch (login.kind) {
    case 'agent':
      return { kind: 'agent', socket: agentSocket(context, name) };
    case 'password':
      return { kind: 'password', password: await secretOf(context, login.password, `password of backend ${name}`) };
    case 'identity': {
      const privateKey = await secretOf(context, login.identity, `identity of backend ${name}`);
      const what = `passphrase of backend ${name}`;
      const passphrase = login.passphrase === null ? undefined : await secretOf(context, login.passphrase, what);
      return { kind: 'key', privateKey, passphrase };
    }
  }
}

function agentSocket({ env }: AppContext, name: string): string {
  const socket = env['SSH_AUTH_SOCK'];
  if (socket !== undefined && socket !== '') return socket;
  throw new ValenceError('config/invalid', `backend ${name} logs in by an SSH agent, and none is running`, {
    hint: 'start one, or set identity: file:PATH of a private key, or password: env:NAME',
    context: { isSecretMissing: true },
  });
}

function secretOf({ env }: AppContext, reference: SecretReference, what: string): Promise<string> {
  return resolveSecret(reference, env, what);
}

function wrapOptions(
  context: AppContext,
  config: BackendConfig,
  opening: Opening,
  { inner, limits }: { readonly inner: Backend; readonly limits: Limits },
): WrapOptions {
  const { concurrency, timeoutMs } = config.limits;
  const atOnce = Math.min(inner.traits.maxConcurrency, concurrency ?? Number.POSITIVE_INFINITY);
  // A folder answers at once or not at all: a share that hangs holds its threads whatever is waited for.
  const isFolder = config.type === 'directory';
  const remembers = config.type === 's3' && opening.isConfigured && opening.keepsNothing !== true;
  return {
    name: opening.name,
    timeout: timeoutMs === null ? (isFolder ? null : {}) : { baseMs: timeoutMs },
    meter: opening.meter ?? new Meter(systemTimer),
    limits,
    retry: isFolder ? null : {},
    slots: new Slots(atOnce),
    ...(remembers ? { remember: { folder: join(context.home.placesFolder, opening.name, 'written') } } : {}),
    ...(config.readOnly ? { mode: 'read-only' as const } : {}),
    random: context.random,
  };
}

/** What the configured prices mean for each call. */
export function priceTable({ per1000Puts, perGibMonth, perGibEgress, currency }: Prices): PriceTable {
  return {
    currency,
    perThousandCalls: { put: per1000Puts, list: per1000Puts },
    egressPerGiB: perGibEgress,
    storagePerGiBMonth: perGibMonth,
  };
}
