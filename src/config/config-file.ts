import { realpath } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Document, YAMLMap } from 'yaml';
import { isMap, isNode, isScalar, isSeq } from 'yaml';
import { fromUtf8, utf8 } from '../core/bytes.ts';
import { ValenceError, invariant, isValenceError } from '../core/errors.ts';
import { isSystemError } from '../core/file-system.ts';
import { readWholeFile, writeFileDurably } from '../core/files.ts';
import { nearest } from '../core/nearest.ts';
import { checkBackendValue } from './config-check.ts';
import { parseConfig } from './config-text.ts';
import type { BackendConfig, Config, RawBackend, TierProfile } from './schema.ts';

/** Of an edit: the lines that its errors name are those that it would have made. */
const AS_IT_WAS = 'nothing was written; docs/configuration.md says what may stand there';

/** What `valence init` writes. */
export const INITIAL_CONFIG = `# Valence: docs/configuration.md
version: 1

# Without a url, the embedded database in this folder is used.
database: {}

# Places that keep shards: valence backup config --add-backend NAME --type directory --path DIR
backends: {}

# Named policies: valence backup config --tier NAME --backends a,b,c,d,e --erasure 3/5
tiers: {}
`;

/** Keys as the file has them, with their values; paths that are not absolute are taken from the working folder. */
export type BackendValues = Readonly<Record<string, unknown>>;

/** What is left out stays as it is. */
export interface TierEdit {
  readonly backends: readonly string[];
  readonly profile: TierProfile;
  readonly survives?: number | undefined;
  /** As the file has it, e.g. `30d`. */
  readonly lock?: string | undefined;
  readonly storageClass?: string | undefined;
}

/**
 * A `valence.yaml` that can be edited without losing its comments and order. Each edit is checked as a whole and either
 * done or refused with `config/invalid`; nothing reaches the disk before `save`.
 */
export class ConfigFile {
  readonly path: string;
  #text: string;
  #config: Config;
  /** What the disk is known to hold; `null`: nothing yet. */
  #saved: string | null;

  private constructor(path: string, text: string, saved: string | null) {
    this.path = resolve(path);
    this.#text = text;
    this.#config = parseConfig(text, this.path).config;
    this.#saved = saved;
  }

  /** @throws `config/no-home` if there is no such file, `config/invalid` with line and column */
  static async load(path: string): Promise<ConfigFile> {
    const text = await readText(path);
    if (text !== null) return new ConfigFile(path, text, text);
    throw new ValenceError('config/no-home', `there is no ${path}`, {
      hint: 'run `valence init`, or name another folder with --home',
      context: { path },
    });
  }

  /** A file that `save` will make. @throws `config/invalid` with line and column */
  static create(path: string, text: string = INITIAL_CONFIG): ConfigFile {
    return new ConfigFile(path, text, null);
  }

  get config(): Config {
    return this.#config;
  }

  get text(): string {
    return this.#text;
  }

  /** Paths are made absolute from the working folder. @throws `config/invalid`, also if the name is taken */
  addBackend(name: string, values: BackendValues): void {
    if (this.#config.backends.has(name)) throw refused(`backend ${name} exists already`, 'choose another name');
    const { written } = checkedBackend(name, values);
    this.#edit((document) => setEntry(document, ['backends', name], written));
  }

  /**
   * Sets these keys of a backend and takes out those that are `null`; all else stays. Of a section of limits or prices only
   * the keys that are given change. @throws `config/invalid`
   */
  setBackend(name: string, changes: BackendValues): void {
    const known = this.#config.backends.get(name);
    if (known === undefined) throw unknownName('backend', name, this.#config.backends);
    const written: BackendValues = { ...checkedBackend(name, changed(known.written, changes)).written };
    this.#edit((document) => {
      for (const key of Object.keys(changes)) setValue(document, ['backends', name, key], written[key]);
    });
  }

  /** The same backend in another place, as after a restore on new hardware. @throws `config/invalid` */
  moveBackend(name: string, values: RawBackend): void {
    const known = this.#config.backends.get(name);
    if (known === undefined) throw unknownName('backend', name, this.#config.backends);
    if (known.type === values.type) {
      this.setBackend(name, { ...values });
      return;
    }
    const { written } = checkedBackend(name, { ...values, domain: known.written.domain });
    this.#edit((document) => setEntry(document, ['backends', name], written));
  }

  /** @throws `config/invalid` if there is no such backend, or a tier names it */
  removeBackend(name: string): void {
    const { backends, tiers } = this.#config;
    if (!backends.has(name)) throw unknownName('backend', name, backends);
    const users = [...tiers].filter(([, tier]) => tier.backends.includes(name)).map(([tier]) => tier);
    if (users.length > 0) {
      throw refused(`backend ${name} is used by tier ${users.join(', ')}`, 'take it out of the tier first');
    }
    this.#edit((document) => document.deleteIn(['backends', name]));
  }

  /** Adds the tier, or changes what it says while keeping its place. @throws `config/invalid` */
  setTier(name: string, edit: TierEdit): void {
    this.#edit((document) => {
      if (!this.#config.tiers.has(name)) setEntry(document, ['tiers', name], {});
      const tier: unknown = document.getIn(['tiers', name], true);
      invariant(isMap(tier), `tier ${name} is no section`);
      if (tier.items.length === 0) tier.flow = false;
      updateTier(document, tier, edit);
    });
  }

  /** @throws `config/invalid` if there is no such tier */
  removeTier(name: string): void {
    if (!this.#config.tiers.has(name)) throw unknownName('tier', name, this.#config.tiers);
    this.#edit((document) => document.deleteIn(['tiers', name]));
  }

  /** `null`: the embedded database. @throws `config/invalid` */
  setDatabaseUrl(url: string | null): void {
    this.#edit((document) => {
      if (url === null) document.deleteIn(['database', 'url']);
      else setEntry(document, ['database', 'url'], url);
    });
  }

  /**
   * Writes the file durably, mode 0600; a symbolic link in its place stays one.
   * @throws `config/home-exists` if a new file is there already, `config/invalid` if it was changed since it was read
   */
  async save(): Promise<void> {
    const options = { mode: 0o600, exclusive: this.#saved === null };
    if (this.#saved !== null && (await readText(this.path)) !== this.#saved) {
      throw refused(`${this.path} was changed by someone else meanwhile`, 'run the command again');
    }
    try {
      await writeFileDurably(options.exclusive ? this.path : await realpath(this.path), utf8(this.#text), options);
    } catch (error) {
      if (!isValenceError(error, 'backend/already-exists')) throw error;
      throw new ValenceError('config/home-exists', `${this.path} exists already`, { cause: error });
    }
    this.#saved = this.#text;
  }

  #edit(change: (document: Document.Parsed) => void): void {
    const { document } = parseConfig(this.#text, this.path);
    change(document);
    const text = document.toString({ lineWidth: 0, flowCollectionPadding: false });
    this.#config = parseConfig(text, this.path, { hint: AS_IT_WAS }).config;
    this.#text = text;
  }
}

/** Puts an entry into a section, in block style, making the section if it is missing or empty. */
function setEntry(document: Document.Parsed, path: readonly [string, string], value: unknown): void {
  const [section, key] = path;
  const existing: unknown = document.get(section, true);
  const map = isMap(existing) ? existing : document.createNode({});
  if (map !== existing) {
    if (isNode(existing)) map.commentBefore = existing.comment ?? existing.commentBefore ?? null;
    document.set(section, map);
  }
  if (map.items.length === 0) map.flow = false;
  map.set(key, document.createNode(value));
}

/** Key by key, so that comments inside a section stay; `undefined` takes the key out. */
function setValue(document: Document.Parsed, path: readonly string[], value: unknown): void {
  const existing: unknown = document.getIn(path, true);
  if (value === undefined) document.deleteIn(path);
  else if (isMap(existing) && isSection(value)) {
    const keys = new Set([
      ...existing.items.map(({ key }) => String(isScalar(key) ? key.value : key)),
      ...Object.keys(value),
    ]);
    for (const key of keys) setValue(document, [...path, key], value[key]);
  } else document.setIn(path, isSection(value) || Array.isArray(value) ? document.createNode(value) : value);
}

function isSection(value: unknown): value is BackendValues {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function updateTier(document: Document.Parsed, tier: YAMLMap, edit: TierEdit): void {
  const { backends, profile, survives, lock, storageClass } = edit;
  const listed: unknown = tier.get('backends');
  if (isSeq(listed)) listed.items = backends.map((backend) => document.createNode(backend));
  else tier.set('backends', document.createNode([...backends], { flow: true }));
  const erasure = profile.kind === 'erasure' ? `${profile.k}/${profile.n}` : undefined;
  const copies = profile.kind === 'copies' ? profile.count : undefined;
  for (const [key, value] of Object.entries({ erasure, copies })) {
    if (value === undefined) tier.delete(key);
    else tier.set(key, value);
  }
  for (const [key, value] of Object.entries({ survives, lock, 'storage-class': storageClass })) {
    if (value !== undefined) tier.set(key, value);
  }
}

/** Sections that are changed key by key, since each of their keys stands for itself. */
const OPEN_SECTIONS: readonly string[] = ['limits', 'prices'];

function changed(known: RawBackend, changes: BackendValues): BackendValues {
  const before: BackendValues = { ...known };
  const after = Object.entries(changes).map(([key, value]) => {
    const earlier = before[key];
    return [
      key,
      OPEN_SECTIONS.includes(key) && isSection(earlier) && isSection(value) ? { ...earlier, ...value } : value,
    ];
  });
  const all = Object.entries({ ...before, ...(Object.fromEntries(after) as BackendValues) });
  return Object.fromEntries(all.filter(([, value]) => value !== null && value !== undefined));
}

/** @throws `config/invalid` */
function checkedBackend(name: string, values: BackendValues): BackendConfig {
  const given = Object.entries(values).filter(([, value]) => value !== undefined);
  const { backend, problems } = checkBackendValue(Object.fromEntries(given), name, resolve('.'));
  if (backend !== null) return backend;
  const [first] = problems;
  throw refused(
    `backend ${name}: ${[...(first?.path ?? [])].map(String).join('.')} ${first?.message}`,
    first?.hint ?? 'see docs/configuration.md',
  );
}

/** `null`: no such file. The link is followed, as people keep such files in a repository of their own. */
async function readText(path: string): Promise<string | null> {
  try {
    const bytes = await readWholeFile(await realpath(path));
    return bytes === null ? null : fromUtf8(bytes);
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return null;
    const reason = isValenceError(error, 'format/malformed')
      ? 'it is not UTF-8 text'
      : 'permission denied, or a fault of the disk';
    throw new ValenceError('config/invalid', `cannot read ${path}: ${reason}`, { context: { path }, cause: error });
  }
}

function refused(message: string, hint: string): ValenceError {
  return new ValenceError('config/invalid', message, { hint });
}

function unknownName(kind: string, name: string, known: ReadonlyMap<string, unknown>): ValenceError {
  const near = nearest(name, known.keys());
  const names = [...known.keys()].join(', ') || 'none';
  return refused(`there is no ${kind} ${name}`, near === null ? `there are: ${names}` : `did you mean ${near}?`);
}
