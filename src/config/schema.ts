import { z } from 'zod';
import { isConfigName, missingOr, name, parsed, SECTION_RULE, storageClass, text } from './backends/fields.ts';
import type { SectionOf } from './backends/fields.ts';
import { BACKEND_TYPES, kindOf } from './backends/kinds.ts';
import type { BackendType, KindConfig, RawBackend } from './backends/kinds.ts';
import { completeEmbedder, embedderSchema, modelName } from './embedders.ts';
import type { EmbedderConfig, RawEmbedder } from './embedders.ts';
import { DURATION_RULE, parseDuration } from './quantities.ts';
import { completeSearch, searchSchema } from './search.ts';
import type { RawSearch, SearchConfig } from './search.ts';

export { isConfigName, BACKEND_TYPES };
export type { BackendType, RawBackend };

/** `valence.yaml`, checked and with its defaults filled in (docs/configuration.md). */
export interface Config {
  readonly version: 1;
  /** `null`: the embedded database in the home. */
  readonly databaseUrl: string | null;
  readonly search: SearchConfig;
  readonly backends: ReadonlyMap<string, BackendConfig>;
  readonly tiers: ReadonlyMap<string, TierConfig>;
  /** By the name of the model in table models. */
  readonly embedders: ReadonlyMap<string, EmbedderConfig>;
}

export type BackendConfig = KindConfig & {
  /** Printable, without secrets. */
  readonly location: string;
  /** What the file says of it, with absolute paths. */
  readonly written: RawBackend;
};

export interface TierConfig {
  /** In the order of the file, none twice. */
  readonly backends: readonly string[];
  readonly profile: TierProfile;
  /** How many failure domains may be lost, whichever they are: fewer are refused. */
  readonly survives: number;
  /** For how long what a snapshot needs is locked; null: not at all. */
  readonly lockMs: number | null;
  /** Of its S3 backends, instead of their own; null: their own. */
  readonly storageClass: string | null;
  /** What the file says of it. */
  readonly written: RawTier;
}

/** `n` and `count` are at most the number of the tier's backends. */
export type TierProfile =
  | { readonly kind: 'erasure'; readonly k: number; readonly n: number }
  | { readonly kind: 'copies'; readonly count: number };

/** RS over GF(2⁸) has no more than 255 shards a stripe (FORMAT.md). */
export const SHARDS_MAX: number = 255;

/** Reads `3/5`. `null` unless 1 ≤ k ≤ n ≤ 255. */
export function parseErasure(value: string): { readonly k: number; readonly n: number } | null {
  const match = /^([1-9][0-9]{0,2})\/([1-9][0-9]{0,2})$/.exec(value);
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
  readonly database?: RawDatabase | null | undefined;
  readonly search?: RawSearch | null | undefined;
  readonly backends?: Readonly<Record<string, RawBackend>> | null | undefined;
  readonly tiers?: Readonly<Record<string, RawTier>> | null | undefined;
  readonly embedders?: Readonly<Record<string, RawEmbedder>> | null | undefined;
}

export interface RawDatabase {
  readonly url?: string | undefined;
}

export interface RawTier {
  readonly backends: readonly string[];
  readonly erasure?: string | undefined;
  readonly copies?: number | undefined;
  readonly survives?: number | undefined;
  readonly lock?: string | undefined;
  readonly 'storage-class'?: string | undefined;
}

const databaseSchema: SectionOf<RawDatabase> = z.strictObject(
  { url: text.refine(isPostgresUrl, { error: 'must be a postgres:// URL' }).optional() },
  { error: SECTION_RULE },
);

const [first, ...others] = BACKEND_TYPES.map((type) => kindOf(type).schema);
const backendSchema = z.discriminatedUnion('type', [first!, ...others], {
  error: SECTION_RULE,
}) as z.ZodType<unknown> as z.ZodType<RawBackend>;

const tierSchema: SectionOf<RawTier> = z.strictObject(
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
    survives: z
      .int({ error: 'must be a whole number' })
      .min(0, { error: 'must be at least 0' })
      .max(SHARDS_MAX, { error: `must be at most ${SHARDS_MAX}` })
      .optional(),
    lock: parsed(parseDuration, DURATION_RULE).optional(),
    'storage-class': storageClass.optional(),
  },
  { error: SECTION_RULE },
);

const configSchema: SectionOf<RawConfig> = z.strictObject(
  {
    version: z.literal(1, { error: missingOr('is not a version that this program knows (1)') }),
    database: databaseSchema.nullish(),
    backends: z.record(name, backendSchema, { error: SECTION_RULE }).nullish(),
    tiers: z.record(name, tierSchema, { error: SECTION_RULE }).nullish(),
    search: searchSchema.nullish(),
    embedders: z.record(modelName, embedderSchema, { error: SECTION_RULE }).nullish(),
  },
  { error: SECTION_RULE },
);

/** The shape of the file; `checkConfig` in config-check.ts says what is wrong with a value. */
export const CONFIG_SHAPE: z.ZodType<RawConfig> = configSchema;

/** The shape of one backend, for those that are named by a location. */
export const BACKEND_SHAPE: z.ZodType<RawBackend> = backendSchema;

/** The keys that may stand in a section of the file; `type` of the backend it belongs to. */
export function knownKeys(path: readonly PropertyKey[], type: BackendType | null): readonly string[] {
  const [section, , ...inside] = path;
  if (path.length === 0) return keysOf(configSchema);
  if (path.length === 1 && section === 'database') return keysOf(databaseSchema);
  if (path.length === 1 && section === 'search') return keysOf(searchSchema);
  if (section === 'tiers' && path.length === 2) return keysOf(tierSchema);
  if (section === 'embedders' && path.length === 2) return keysOf(embedderSchema);
  if (section === 'backends' && path.length >= 2 && type !== null)
    return keysOf(inside.reduce(child, kindOf(type).schema));
  return [];
}

/** The keys of a backend of that kind. */
export function backendKeys(type: BackendType): readonly string[] {
  return keysOf(kindOf(type).schema);
}

function keysOf(schema: unknown): readonly string[] {
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}

/** The schema of what stands under a key or position. */
function child(schema: unknown, key: PropertyKey): unknown {
  if (schema instanceof z.ZodArray) return bare(schema.element);
  return schema instanceof z.ZodObject ? bare(Reflect.get(schema.shape, key)) : undefined;
}

/** Of what may be left out, what it is; of a choice, the section. */
function bare(schema: unknown): unknown {
  if (schema instanceof z.ZodOptional) return bare(schema.unwrap());
  if (schema instanceof z.ZodUnion) return schema.options.find((option) => option instanceof z.ZodObject);
  return schema;
}

/** Fills in defaults. Paths that are not absolute are taken from `folder`. The value must have passed every check. */
export function completeConfig(raw: RawConfig, folder: string): Config {
  const backends = Object.entries(raw.backends ?? {}).map(
    ([key, backend]) => [key, completeBackend(key, backend, folder)] as const,
  );
  const tiers = Object.entries(raw.tiers ?? {}).map(([key, tier]) => [key, completeTier(tier)] as const);
  const embedders = Object.entries(raw.embedders ?? {}).map(
    ([key, embedder]) => [key, completeEmbedder(key, embedder, folder)] as const,
  );
  return {
    version: 1,
    databaseUrl: raw.database?.url ?? null,
    search: completeSearch(raw.search),
    backends: new Map(backends),
    tiers: new Map(tiers),
    embedders: new Map(embedders),
  };
}

export function completeBackend(key: string, raw: RawBackend, folder: string): BackendConfig {
  const kind = kindOf(raw.type);
  const config = kind.complete(raw, key, folder);
  return { ...config, location: kind.location(config), written: kind.absolute(raw, folder) };
}

/** `erasure` or `copies` must be there. */
export function completeTier(tier: RawTier): TierConfig {
  const code = parseErasure(tier.erasure ?? '');
  const profile: TierProfile =
    code === null ? { kind: 'copies', count: tier.copies ?? 1 } : { kind: 'erasure', ...code };
  return {
    backends: tier.backends,
    profile,
    survives: tier.survives ?? (toleratesLoss(profile) ? 1 : 0),
    lockMs: parseDuration(tier.lock ?? ''),
    storageClass: tier['storage-class'] ?? null,
    written: tier,
  };
}

function toleratesLoss(profile: TierProfile): boolean {
  const { k, n } = codeOf(profile);
  return n > k;
}

/** Plain copies are the code of which any one shard gives back the whole. */
export function codeOf(profile: TierProfile): { readonly k: number; readonly n: number } {
  return profile.kind === 'erasure' ? { k: profile.k, n: profile.n } : { k: 1, n: profile.count };
}
