import { isAbsolute, resolve } from 'node:path';
import { z } from 'zod';

/** `valence.yaml`, checked and with its defaults filled in (docs/configuration.md). */
export interface Config {
  readonly version: 1;
  /** `null`: the embedded database in the home. */
  readonly databaseUrl: string | null;
  readonly backends: ReadonlyMap<string, BackendConfig>;
  readonly tiers: ReadonlyMap<string, TierConfig>;
}

export interface BackendConfig {
  readonly type: 'directory';
  /** Absolute. */
  readonly path: string;
  /** Failure domain: what is lost together has one name. */
  readonly domain: string;
}

export interface TierConfig {
  /** In the order of the file, none twice. */
  readonly backends: readonly string[];
  readonly profile: TierProfile;
}

/** `n` and `count` are at most the number of the tier's backends. */
export type TierProfile =
  | { readonly kind: 'erasure'; readonly k: number; readonly n: number }
  | { readonly kind: 'copies'; readonly count: number };

export type BackendType = BackendConfig['type'];

/** For `--type`, and for a backend whose name is its type. */
export const BACKEND_TYPES: readonly BackendType[] = ['directory'];

/** RS over GF(2⁸) has no more than 255 shards a stripe (FORMAT.md). */
export const SHARDS_MAX: number = 255;

const NAME_RULE = 'must be 1 to 32 of a-z, 0-9 and -, and not begin with -';

/** Whether a backend, a tier or a failure domain may be called so. */
export function isConfigName(name: string): boolean {
  return /^[a-z0-9][a-z0-9-]{0,31}$/.test(name);
}

/** Reads `3/5`. `null` unless 1 ≤ k ≤ n ≤ 255. */
export function parseErasure(text: string): { readonly k: number; readonly n: number } | null {
  const match = /^([1-9][0-9]{0,2})\/([1-9][0-9]{0,2})$/.exec(text);
  if (match === null) return null;
  const [k, n] = [Number(match[1]), Number(match[2])];
  return k <= n && n <= SHARDS_MAX ? { k, n } : null;
}

/** True for a URL that names a Postgres database. */
export function isPostgresUrl(url: string): boolean {
  return /^postgres(ql)?:\/\//.test(url) && URL.canParse(url);
}

/** What the file says, before defaults. */
export interface RawConfig {
  readonly version: 1;
  readonly database?: { readonly url?: string | undefined } | null | undefined;
  readonly backends?: Readonly<Record<string, RawBackend>> | null | undefined;
  readonly tiers?: Readonly<Record<string, RawTier>> | null | undefined;
}

export interface RawBackend {
  readonly type: 'directory';
  readonly path: string;
  readonly domain?: string | undefined;
}

export interface RawTier {
  readonly backends: readonly string[];
  readonly erasure?: string | undefined;
  readonly copies?: number | undefined;
}

const missingOr =
  (otherwise: string) =>
  (issue: { readonly input?: unknown }): string =>
    issue.input === undefined ? 'is missing' : otherwise;

const text = z.string({ error: missingOr('must be text') });
const name = text.refine(isConfigName, { error: NAME_RULE });
const section = 'must be a section of keys and values';

const databaseSchema = z.strictObject(
  { url: text.refine(isPostgresUrl, { error: 'must be a postgres:// URL' }).optional() },
  { error: section },
);

const directorySchema = z.strictObject({
  type: z.literal('directory'),
  path: text
    .min(1, { error: 'must not be empty' })
    .refine((path) => !path.startsWith('~') && !path.includes('\0'), { error: 'must be written out, without ~' }),
  domain: name.optional(),
});

const backendSchema = z.discriminatedUnion('type', [directorySchema], { error: section });

const tierSchema = z.strictObject(
  {
    backends: z.array(text, { error: missingOr('must be a list of names') }).min(1, { error: 'names no backend' }),
    erasure: text
      .refine((profile) => parseErasure(profile) !== null, { error: 'must be k/n with 1 ≤ k ≤ n ≤ 255, like 3/5' })
      .optional(),
    copies: z
      .int({ error: 'must be a whole number' })
      .min(1, { error: 'must be at least 1' })
      .max(SHARDS_MAX, { error: `must be at most ${SHARDS_MAX}` })
      .optional(),
  },
  { error: section },
);

const configSchema = z.strictObject(
  {
    version: z.literal(1, { error: missingOr('is not a version that this program knows (1)') }),
    database: databaseSchema.nullish(),
    backends: z.record(name, backendSchema, { error: section }).nullish(),
    tiers: z.record(name, tierSchema, { error: section }).nullish(),
  },
  { error: section },
);

/** The shape of the file; `checkConfig` in config-check.ts says what is wrong with a value. */
export const CONFIG_SHAPE: z.ZodType<RawConfig> = configSchema;

/** The keys that may stand in the section at `path`, e.g. `['tiers', 'daily']`; none where names are free. */
export function knownKeys(path: readonly PropertyKey[]): readonly string[] {
  const [first] = path;
  if (path.length === 0) return Object.keys(configSchema.shape);
  if (path.length === 1 && first === 'database') return Object.keys(databaseSchema.shape);
  if (path.length === 2 && first === 'backends') return Object.keys(directorySchema.shape);
  if (path.length === 2 && first === 'tiers') return Object.keys(tierSchema.shape);
  return [];
}

/** Fills in defaults. Paths that are not absolute are taken from `folder`. The value must have passed every check. */
export function completeConfig(raw: RawConfig, folder: string): Config {
  const backends = Object.entries(raw.backends ?? {}).map(([key, backend]) => {
    const { type, path, domain = key } = backend;
    const absolute = isAbsolute(path) ? path : resolve(folder, path);
    return [key, { type, path: absolute, domain }] as const;
  });
  const tiers = Object.entries(raw.tiers ?? {}).map(([key, tier]) => {
    return [key, { backends: tier.backends, profile: profileOf(tier) }] as const;
  });
  return { version: 1, databaseUrl: raw.database?.url ?? null, backends: new Map(backends), tiers: new Map(tiers) };
}

function profileOf(tier: RawTier): TierProfile {
  const code = parseErasure(tier.erasure ?? '');
  return code === null ? { kind: 'copies', count: tier.copies ?? 1 } : { kind: 'erasure', ...code };
}
