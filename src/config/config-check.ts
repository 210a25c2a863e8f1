import { resolve, sep } from 'node:path';
import type { z } from 'zod';
import { nearest } from '../core/nearest.ts';
import type { Config, RawConfig, RawTier } from './schema.ts';
import { BACKEND_TYPES, CONFIG_SHAPE, completeConfig, knownKeys, parseErasure } from './schema.ts';

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
    ? [...backendProblems(shape.data, folder), ...tierProblems(shape.data)]
    : shape.error.issues.flatMap((issue) => problemsOf(issue, value));
  const [first, ...rest] = problems;
  if (first !== undefined) return { config: null, problems: [first, ...rest] };
  return { config: completeConfig(shape.data!, folder), problems: [] };
}

function problemsOf(issue: z.core.$ZodIssue, value: unknown): ConfigProblem[] {
  const { path } = issue;
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey([...path, key]));
  if (issue.code === 'invalid_key') {
    return [{ path, atKey: true, message: issue.issues[0]?.message ?? issue.message }];
  }
  if (path[0] === 'backends' && path.length === 3 && path[2] === 'type') return [badType(path, value)];
  const newer = path[0] === 'version' && Number(valueAt(value, path)) > 1;
  const hint = newer ? 'the file is of a newer release: upgrade this program' : undefined;
  return [{ path, atKey: false, message: issue.message, hint }];
}

function unknownKey(path: readonly PropertyKey[]): ConfigProblem {
  const known = knownKeys(path.slice(0, -1));
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

/** Two backends that are one place would count as two in the promise of a tier. */
function backendProblems(raw: RawConfig, folder: string): ConfigProblem[] {
  const backends = Object.entries(raw.backends ?? {});
  return backends.flatMap(([name, backend], position) => {
    const earlier = backends.slice(0, position);
    const own = resolve(folder, backend.path);
    const at = (message: string): ConfigProblem[] => [{ path: ['backends', name, 'path'], atKey: false, message }];
    for (const [other, { path }] of earlier) {
      const theirs = resolve(folder, path);
      if (theirs === own) return at(`is also that of backend ${other}`);
      if (isInside(own, theirs)) return at(`lies inside that of backend ${other}`);
      if (isInside(theirs, own)) return at(`holds that of backend ${other}`);
    }
    return [];
  });
}

/** Two backends of which one lies inside the other are lost together. */
function isInside(path: string, folder: string): boolean {
  return path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
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

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((found, key) => {
    return typeof found === 'object' && found !== null ? Reflect.get(found, key) : undefined;
  }, value);
}
