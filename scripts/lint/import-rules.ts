import { posix } from 'node:path';
import { IMPURE_CORE, LAYERS, PURE_BUILTINS } from './layers.ts';
import type { Layer } from './layers.ts';

/** One import or re-export, as it is written. */
export interface ImportStatement {
  /** Path of the importing file from the root of the repository, with `/`. */
  readonly file: string;
  readonly specifier: string;
  /** `import type` or `export type`: gone when the program runs. */
  readonly typeOnly: boolean;
}

/** Says why the statement breaks the import rules, or `null`. Files outside src have none. */
export function importProblem(statement: ImportStatement): string | null {
  if (!statement.file.startsWith('src/')) return null;
  const inside = statement.file.slice('src/'.length);
  const name = layerOf(inside);
  const layer = LAYERS[name];
  if (layer === undefined) return `src/${name} is no layer: add it to scripts/lint/layers.ts and ARCHITECTURE.md`;
  if (!statement.specifier.startsWith('.')) return packageProblem(name, layer, statement.specifier);
  const target = posix.join(posix.dirname(statement.file), statement.specifier);
  if (!target.startsWith('src/')) return `src imports nothing outside src: ${target}`;
  return moduleProblem(name, layer, target.slice('src/'.length), statement.typeOnly);
}

function layerOf(inside: string): string {
  return inside.split('/', 1)[0] ?? inside;
}

function moduleProblem(name: string, layer: Layer, target: string, typeOnly: boolean): string | null {
  if (name !== target && layerOf(target) === name) return null;
  if (!layer.imports.some((allowed) => target === allowed || target.startsWith(`${allowed}/`))) {
    return `${name} may not import ${target}; it may import ${sentence(layer.imports)}`;
  }
  if (layer.pure === true && !typeOnly && IMPURE_CORE.includes(target)) {
    return `${name} is pure: take the value as an argument and import only types from ${target}`;
  }
  return null;
}

function packageProblem(name: string, layer: Layer, specifier: string): string | null {
  const imported = packageOf(specifier);
  if (layer.packages.some((allowed) => matches(allowed, imported))) return null;
  const owners = Object.entries(LAYERS).filter(([, other]) => other.packages.some((own) => matches(own, imported)));
  if (owners.length > 0) return `${imported} is imported in ${sentence(owners.map(([owner]) => owner))} only`;
  if (!imported.startsWith('node:'))
    return `${imported} has no layer: scripts/lint/layers.ts says where a package is used`;
  if (layer.pure === true && !PURE_BUILTINS.includes(imported)) return `${name} is pure: it may not import ${imported}`;
  return null;
}

/** `@scope/name/deep` and `name/deep` without what comes after the name. */
function packageOf(specifier: string): string {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
}

function matches(allowed: string, imported: string): boolean {
  return allowed.endsWith('/*') ? imported.startsWith(allowed.slice(0, -1)) : imported === allowed;
}

function sentence(names: readonly string[]): string {
  return names.length === 0 ? 'nothing of ours' : names.join(', ');
}
