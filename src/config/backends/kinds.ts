import { s3Preset, S3_PROVIDERS } from '../../backends/s3/providers.ts';
import type { S3Provider } from '../../backends/s3/providers.ts';
import { directory } from './directory.ts';
import type { DirectoryConfig, RawDirectory } from './directory.ts';
import { ipfs } from './ipfs.ts';
import type { IpfsConfig, RawIpfs } from './ipfs.ts';
import type { Kind } from './kind.ts';
import { s3 } from './s3.ts';
import type { RawS3, S3Config } from './s3.ts';
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
  readonly provider?: S3Provider;
}

const DIRECTORY_NAMES: readonly string[] = ['nas', 'disk'];
const PROVIDER_NAMES: readonly string[] = ['b2', 'r2', ...S3_PROVIDERS.filter((provider) => provider !== 'other')];

/** The words that `kindNamed` gives something for, types first. */
export const KIND_NAMES: readonly string[] = [...BACKEND_TYPES, ...DIRECTORY_NAMES, ...PROVIDER_NAMES];

/** What a type, a provider or a usual short name of one stands for; null for any other word. */
export function kindNamed(word: string): NamedKind | null {
  const type = BACKEND_TYPES.find((known) => known === word);
  if (type !== undefined) return { type };
  if (DIRECTORY_NAMES.includes(word)) return { type: 'directory' };
  const provider = s3Preset(word)?.provider;
  return provider === undefined || provider === 'other' ? null : { type: 's3', provider };
}
