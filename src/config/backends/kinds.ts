import { directory } from './directory.ts';
import type { DirectoryConfig, RawDirectory } from './directory.ts';
import { ipfs } from './ipfs.ts';
import type { IpfsConfig, RawIpfs } from './ipfs.ts';
import type { Kind } from './kind.ts';
import { s3 } from './s3.ts';
import type { RawS3, S3Config } from './s3.ts';
import { S3_PROVIDER_NAMES } from './s3-providers.ts';
import type { S3ProviderName } from './s3-providers.ts';
import { sftp } from './sftp.ts';
import type { RawSftp, SftpConfig } from './sftp.ts';

/** Every kind of backend that can be configured. */

export type RawBackend = RawDirectory | RawS3 | RawIpfs | RawSftp;
export type BackendType = RawBackend['type'];

/** As configured, with defaults filled in. */
export type KindConfig = DirectoryConfig | S3Config | IpfsConfig | SftpConfig;

type RawOf<T extends BackendType> = Extract<RawBackend, { readonly type: T }>;
type ConfigOf<T extends BackendType> = Extract<KindConfig, { readonly type: T }>;

const KINDS: { readonly [T in BackendType]: Kind<RawOf<T>, ConfigOf<T>> } = { directory, s3, ipfs, sftp };

/** For `type`. */
export const BACKEND_TYPES: readonly BackendType[] = ['directory', 's3', 'ipfs', 'sftp'];

/** What is known of a kind, for any backend. The kind of a value must be its own. */
export function kindOf(type: BackendType): Kind<RawBackend, KindConfig> {
  return KINDS[type] as Kind<RawBackend, KindConfig>;
}

/** Whether two backends keep their objects in one place. */
export function isSamePlace(a: KindConfig, b: KindConfig): boolean {
  if (a.type !== b.type) return false;
  const [one, other] = [kindOf(a.type).place(a), kindOf(b.type).place(b)];
  return one.store === other.store && one.path === other.path;
}

/** Where a name says of itself what it is: `b2` is an S3 backend of Backblaze. */
export interface NamedKind {
  readonly type: BackendType;
  readonly provider?: S3ProviderName;
}

const NAMED_KINDS: Readonly<Record<string, NamedKind>> = {
  ...Object.fromEntries(BACKEND_TYPES.map((type) => [type, { type }])),
  ...Object.fromEntries(
    S3_PROVIDER_NAMES.filter((provider) => provider !== 'other').map((provider) => [
      provider,
      { type: 's3', provider },
    ]),
  ),
  b2: { type: 's3', provider: 'backblaze' },
  r2: { type: 's3', provider: 'cloudflare' },
  nas: { type: 'directory' },
  disk: { type: 'directory' },
};

/** The words that `kindNamed` knows. */
export const KIND_NAMES: readonly string[] = Object.keys(NAMED_KINDS);

/** What a type, a provider or a usual short name of one stands for; null for any other word. */
export function kindNamed(word: string): NamedKind | null {
  return Object.hasOwn(NAMED_KINDS, word) ? NAMED_KINDS[word]! : null;
}
