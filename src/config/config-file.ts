import { realpath } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Document, YAMLMap } from 'yaml';
import { isMap, isNode, isSeq } from 'yaml';
import { fromUtf8, utf8 } from '../core/bytes.ts';
import { ValenceError, invariant, isValenceError } from '../core/errors.ts';
import { isSystemError } from '../core/file-system.ts';
import { readWholeFile, writeFileDurably } from '../core/files.ts';
import { nearest } from '../core/nearest.ts';
import { parseConfig } from './config-text.ts';
import type { BackendConfig, Config, TierConfig, TierProfile } from './schema.ts';

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

/** Without `domain`, the backend is a failure domain of its own. */
export type NewBackend = Omit<BackendConfig, 'domain'> & { readonly domain?: string | undefined };

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

  /** The path is made absolute from the working folder. @throws `config/invalid`, also if the name is taken */
  addBackend(name: string, backend: NewBackend): void {
    if (this.#config.backends.has(name)) throw refused(`backend ${name} exists already`, 'choose another name');
    const { type, path, domain } = backend;
    const entry = { type, path: resolve(path), ...(domain === undefined ? {} : { domain }) };
    this.#edit((document) => setEntry(document, ['backends', name], entry));
  }

  /** The same backend at another path, as after a restore on new hardware. @throws `config/invalid` */
  moveBackend(name: string, path: string): void {
    if (!this.#config.backends.has(name)) throw unknownName('backend', name, this.#config.backends);
    this.#edit((document) => document.setIn(['backends', name, 'path'], resolve(path)));
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

  /** Adds the tier, or replaces what it says while keeping its place. @throws `config/invalid` */
  setTier(name: string, { backends, profile }: TierConfig): void {
    this.#edit((document) => {
      if (!this.#config.tiers.has(name)) setEntry(document, ['tiers', name], {});
      const tier: unknown = document.getIn(['tiers', name], true);
      invariant(isMap(tier), `tier ${name} is no section`);
      if (tier.items.length === 0) tier.flow = false;
      updateTier(document, tier, backends, codeOf(profile));
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
    this.#config = parseConfig(text, this.path).config;
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

/** Key by key, so that comments inside the tier stay. */
function updateTier(document: Document.Parsed, tier: YAMLMap, backends: readonly string[], code: TierCode): void {
  const listed: unknown = tier.get('backends');
  if (isSeq(listed)) listed.items = backends.map((name) => document.createNode(name));
  else tier.set('backends', document.createNode([...backends], { flow: true }));
  for (const key of ['erasure', 'copies'] as const) {
    if (code[key] === undefined) tier.delete(key);
    else tier.set(key, code[key]);
  }
}

interface TierCode {
  readonly erasure?: string;
  readonly copies?: number;
}

function codeOf(profile: TierProfile): TierCode {
  return profile.kind === 'erasure' ? { erasure: `${profile.k}/${profile.n}` } : { copies: profile.count };
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
