import type { z } from 'zod';
import { nearest } from '../core/nearest.ts';
import { explainPromise } from '../placement/explain-promise.ts';
import { kindOf } from './backends/kinds.ts';
import { embedderProblem } from './embedders.ts';
import { SECRET_HINT, SECRET_RULE } from './secret-reference.ts';
import type { BackendConfig, Config, RawBackend, RawConfig, RawTier } from './schema.ts';
import {
  BACKEND_SHAPE,
  BACKEND_TYPES,
  codeOf,
  CONFIG_SHAPE,
  completeBackend,
  completeConfig,
  knownKeys,
  parseErasure,
} from './schema.ts';

/** One thing that is wrong with a configuration. */
export interface ConfigProblem {
  /** The keys and list positions that lead there. */
  readonly path: readonly PropertyKey[];
  /** The key itself is wrong, not its value. */
  readonly atKey: boolean;
  /** Reads on from the path, e.g. "is missing". */
  readonly message: string;
  readonly hint?: string | undefined;
}

export type ConfigFindings =
  | { readonly config: Config; readonly problems: readonly [] }
  | { readonly config: null; readonly problems: readonly [ConfigProblem, ...ConfigProblem[]] };

/** Checks what a file says. Paths that are not absolute are taken from `folder`. */
export function checkConfig(value: unknown, folder: string): ConfigFindings {
  const shape = CONFIG_SHAPE.safeParse(value);
  const problems = shape.success
    ? problemsTogether(shape.data, folder)
    : shape.error.issues.flatMap((issue) => problemsOf(issue, value));
  const [first, ...rest] = problems;
  if (first !== undefined) return { config: null, problems: [first, ...rest] };
  return { config: completeConfig(shape.data!, folder), problems: [] };
}

/** What single keys do not tell. Promises are counted last: they need all else to be right. */
function problemsTogether(raw: RawConfig, folder: string): readonly ConfigProblem[] {
  const problems = [...backendProblems(raw, folder), ...tierProblems(raw), ...embedderProblems(raw)];
  if (problems.length > 0) return problems;
  const config = completeConfig(raw, folder);
  return [...promiseProblems(config), ...lockProblems(config)];
}

/** Layouts that cannot survive what is asked of them. */
function promiseProblems({ tiers, backends }: Config): ConfigProblem[] {
  return [...tiers].flatMap(([name, { backends: names, profile, survives, written }]) => {
    const places = names.map((backend) => ({ name: backend, domains: backends.get(backend)!.domains }));
    const broken = explainPromise({ profile: codeOf(profile), places, survives });
    if (broken === null) return [];
    const key = written.survives === undefined ? profile.kind : 'survives';
    return [
      { path: ['tiers', name, key], atKey: false, message: `cannot be kept: ${broken.message}`, hint: broken.hint },
    ];
  });
}

/** A lock that nobody can hold would only seem to protect. */
function lockProblems({ tiers, backends }: Config): ConfigProblem[] {
  return [...tiers].flatMap(([name, { backends: names, lockMs }]) => {
    const locks = names.some((backend) => hasObjectLock(backends.get(backend)!));
    if (lockMs === null || locks) return [];
    const hint = 'set object-lock for a backend of the tier whose bucket has it, or take lock out';
    return [{ path: ['tiers', name, 'lock'], atKey: false, message: 'needs a backend with object-lock', hint }];
  });
}

function hasObjectLock(backend: BackendConfig): boolean {
  return backend.type === 's3' && backend.objectLock !== null;
}

function problemsOf(issue: z.core.$ZodIssue, value: unknown): ConfigProblem[] {
  const { path } = issue;
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey([...path, key], value));
  if (issue.code === 'invalid_key') {
    return [{ path, atKey: true, message: issue.issues[0]?.message ?? issue.message }];
  }
  if (path[0] === 'backends' && path.length === 3 && path[2] === 'type') return [badType(path, value)];
  if (issue.code === 'invalid_union' && issue.errors.length > 0) return choiceProblems(issue, value);
  return [{ path, atKey: false, message: issue.message, hint: hintFor(issue, value) }];
}

/** Of a key that takes text or a section, what is wrong with the one that was meant. */
function choiceProblems(issue: z.core.$ZodIssueInvalidUnion, value: unknown): ConfigProblem[] {
  const given = valueAt(value, issue.path);
  const meant = typeof given === 'object' && given !== null ? issue.errors.at(-1) : issue.errors[0];
  return (meant ?? []).flatMap((inner) => problemsOf({ ...inner, path: [...issue.path, ...inner.path] }, value));
}

function hintFor({ path, message }: z.core.$ZodIssue, value: unknown): string | undefined {
  if (path[0] === 'version' && Number(valueAt(value, path)) > 1) {
    return 'the file is of a newer release: upgrade this program';
  }
  return message === SECRET_RULE ? SECRET_HINT : undefined;
}

function unknownKey(path: readonly PropertyKey[], value: unknown): ConfigProblem {
  const type = path[0] === 'backends' ? valueAt(value, [...path.slice(0, 2), 'type']) : null;
  const known = knownKeys(path.slice(0, -1), BACKEND_TYPES.find((candidate) => candidate === type) ?? null);
  const near = nearest(String(path.at(-1)), known);
  const hint = near === null ? `known here: ${known.join(', ')}` : `did you mean ${near}?`;
  return { path, atKey: true, message: 'is not a known key', hint };
}

function badType(path: readonly PropertyKey[], value: unknown): ConfigProblem {
  const type = valueAt(value, path);
  const message = type === undefined ? 'is missing' : 'is no type of backend';
  return { path, atKey: false, message, hint: typesHint(typeof type === 'string' ? type : '') };
}

function typesHint(type: string): string {
  const near = nearest(type, BACKEND_TYPES);
  return near === null ? `types: ${BACKEND_TYPES.join(', ')}` : `did you mean ${near}?`;
}

function backendProblems(raw: RawConfig, folder: string): ConfigProblem[] {
  const backends = Object.entries(raw.backends ?? {});
  const problems = backends.flatMap(([name, backend]) => backendProblemsOf(backend, ['backends', name]));
  // What cannot be completed cannot be compared.
  return problems.length > 0 ? problems : sharedPlaces(backends, folder);
}

export type BackendFindings =
  | { readonly backend: BackendConfig; readonly problems: readonly [] }
  | { readonly backend: null; readonly problems: readonly ConfigProblem[] };

/** Checks one backend by itself, as `checkConfig` does all; paths of problems begin at its keys. */
export function checkBackendValue(value: unknown, name: string, folder: string): BackendFindings {
  const shape = BACKEND_SHAPE.safeParse(value);
  const problems = shape.success
    ? backendProblemsOf(shape.data, [])
    : shape.error.issues.flatMap((issue) => {
        const inFile = problemsOf(
          { ...issue, path: ['backends', name, ...issue.path] },
          { backends: { [name]: value } },
        );
        return inFile.map((problem) => ({ ...problem, path: problem.path.slice(2) }));
      });
  if (!shape.success || problems.length > 0) return { backend: null, problems };
  return { backend: completeBackend(name, shape.data, folder), problems: [] };
}

/** What is wrong with keys of a backend that are each right by themselves. */
function backendProblemsOf(backend: RawBackend, path: readonly string[]): ConfigProblem[] {
  return kindOf(backend.type)
    .problems(backend)
    .map(({ key, ...problem }) => ({ path: [...path, key], ...problem }));
}

/** Two backends that are one place would count as two in the promise of a tier. */
function sharedPlaces(backends: readonly (readonly [string, RawBackend])[], folder: string): ConfigProblem[] {
  const places = backends.map(([name, backend]) => {
    const kind = kindOf(backend.type);
    return { name, type: backend.type, ...kind.place(kind.complete(backend, name, folder)) };
  });
  return places.flatMap((own, position) => {
    for (const other of places.slice(0, position)) {
      if (own.type !== other.type || own.store !== other.store) continue;
      const relation = relationOf(own.path, other.path);
      const path = ['backends', own.name, own.key];
      if (relation !== null) return [{ path, atKey: false, message: `${relation} that of backend ${other.name}` }];
    }
    return [];
  });
}

/** Two backends of which one lies inside the other are lost together. */
function relationOf(own: string, other: string): string | null {
  if (own === other) return 'is also';
  if (isInside(own, other)) return 'lies inside';
  return isInside(other, own) ? 'holds' : null;
}

function isInside(path: string, folder: string): boolean {
  return path.startsWith(folder.endsWith('/') ? folder : `${folder}/`);
}

function tierProblems(raw: RawConfig): ConfigProblem[] {
  const backends = Object.keys(raw.backends ?? {});
  return Object.entries(raw.tiers ?? {}).flatMap(([tierName, tier]) => {
    const path = ['tiers', tierName];
    const listed = tier.backends.flatMap((name, position): ConfigProblem[] => {
      const at = { path: [...path, 'backends', position], atKey: false };
      if (tier.backends.indexOf(name) < position) return [{ ...at, message: `names ${name} twice` }];
      if (backends.includes(name)) return [];
      const near = nearest(name, backends);
      const hint = near === null ? 'add it with `valence backup config --add-backend`' : `did you mean ${near}?`;
      return [{ ...at, message: `names ${name}, which is no backend`, hint }];
    });
    return [...listed, ...profileProblems(path, tier)];
  });
}

function profileProblems(path: readonly string[], tier: RawTier): ConfigProblem[] {
  const { erasure, copies, backends } = tier;
  if (erasure !== undefined && copies !== undefined) {
    return [
      { path: [...path, 'copies'], atKey: true, message: 'cannot stand beside erasure', hint: 'keep one of them' },
    ];
  }
  if (erasure === undefined && copies === undefined) {
    return [{ path, atKey: false, message: 'needs erasure or copies', hint: 'for example erasure: 3/5' }];
  }
  const needed = copies ?? parseErasure(erasure ?? '')?.n ?? 0;
  if (needed <= backends.length) return [];
  const key = copies === undefined ? 'erasure' : 'copies';
  const message = `needs ${needed} backends, the tier has ${backends.length}`;
  return [{ path: [...path, key], atKey: false, message, hint: 'each backend takes at most one shard of a stripe' }];
}

function embedderProblems(raw: RawConfig): ConfigProblem[] {
  return Object.entries(raw.embedders ?? {}).flatMap(([name, embedder]) => {
    const problem = embedderProblem(embedder);
    return problem === null ? [] : [{ path: ['embedders', name, 'url'], atKey: false, ...problem }];
  });
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((found, key) => {
    return typeof found === 'object' && found !== null ? Reflect.get(found, key) : undefined;
  }, value);
}
