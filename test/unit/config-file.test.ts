import { chmod, lstat, mkdir, readFile, readlink, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ConfigFile, INITIAL_CONFIG } from '../../src/config/config-file.ts';
import { configForSnapshot, configFromSnapshot } from '../../src/config/config-snapshot.ts';
import { parseConfig } from '../../src/config/config-text.ts';
import type { Config } from '../../src/config/schema.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const PATH = '/home/ada/.valence/valence.yaml';

function directory(name: string): string {
  return `  ${name}:\n    type: directory\n    path: /mnt/${name}\n`;
}

const THREE = `version: 1\nbackends:\n${directory('d1')}${directory('d2')}${directory('d3')}`;

function parse(text: string): Config {
  return parseConfig(text, PATH).config;
}

interface Refusal {
  readonly message: string;
  readonly hint: string | undefined;
}

function refusal(act: () => unknown): Refusal {
  try {
    act();
  } catch (error) {
    expect(error).toMatchObject({ code: 'config/invalid' });
    const { message, hint } = error as Refusal;
    return { message, hint };
  }
  throw new Error('was not refused');
}

describe('a configuration', () => {
  test('with everything in it', () => {
    const text = `${THREE}    domain: house\ntiers:
  daily: { backends: [d1, d2, d3], erasure: 2/3 }
  copies:
    backends: [d3, d1]
    copies: 2
database:
  url: postgres://ada@db.example:5432/notes
`;
    const config = parse(text);
    expect(config).toMatchObject({ version: 1, databaseUrl: 'postgres://ada@db.example:5432/notes' });
    expect([...config.backends]).toMatchObject([
      ['d1', { type: 'directory', path: '/mnt/d1', location: '/mnt/d1', domains: ['device:d1'] }],
      ['d2', { type: 'directory', path: '/mnt/d2', location: '/mnt/d2', domains: ['device:d2'] }],
      ['d3', { type: 'directory', path: '/mnt/d3', location: '/mnt/d3', domains: ['device:house'] }],
    ]);
    expect([...config.tiers]).toMatchObject([
      ['daily', { backends: ['d1', 'd2', 'd3'], profile: { kind: 'erasure', k: 2, n: 3 }, survives: 1, lockMs: null }],
      ['copies', { backends: ['d3', 'd1'], profile: { kind: 'copies', count: 2 }, survives: 1, storageClass: null }],
    ]);
  });

  test.for(['version: 1', INITIAL_CONFIG, 'version: 1\nbackends:\ntiers:\ndatabase:\n'])(
    'with nothing in it',
    (text) => {
      expect(parse(text)).toEqual({
        version: 1,
        databaseUrl: null,
        search: { language: 'english', model: null },
        backends: new Map(),
        tiers: new Map(),
        embedders: new Map(),
      });
    },
  );

  test('paths are taken from its own folder', () => {
    const text = `version: 1\nbackends:\n  a:\n    type: directory\n    path: ../nas\n`;
    expect(parse(text).backends.get('a')).toMatchObject({ path: '/home/ada/nas', domains: ['device:a'] });
  });

  test('names may be words that mean something elsewhere', () => {
    const text = `version: 1\nbackends:\n${directory('constructor')}${directory('1')}${directory('type')}${directory('true')}`;
    expect([...parse(text).backends.keys()].toSorted()).toEqual(['1', 'constructor', 'true', 'type']);
  });
});

const REFUSED: readonly (readonly [text: string, message: string, hint?: string])[] = [
  ['', 'valence.yaml:1:1: must be a section of keys and values'],
  ['[]', 'valence.yaml:1:1: must be a section of keys and values'],
  ['backends: {}', 'valence.yaml:1:1: version is missing'],
  ['version: 2', 'valence.yaml:1:10: version is not a version that this program knows (1)', 'the file is of a newer release: upgrade this program'],
  ['version: "1"', 'valence.yaml:1:10: version is not a version that this program knows (1)'],
  ['version: 1\nbakends: {}', 'valence.yaml:2:1: bakends is not a known key', 'did you mean backends?'],
  ['version: 1\nzzz: {}', 'valence.yaml:2:1: zzz is not a known key', 'known here: version, database, backends, tiers, search, embedders'],
  ['version: 1\nversion: 1', 'valence.yaml:2:1: map keys must be unique'],
  ['version: 1\ndatabase:\n  uri: x', 'valence.yaml:3:3: database.uri is not a known key', 'did you mean url?'],
  ['version: 1\ndatabase:\n  url: mysql://x', 'valence.yaml:3:8: database.url must be a postgres:// URL'],
  ['version: 1\ndatabase:\n  url: 5', 'valence.yaml:3:8: database.url must be text'],
  ['version: 1\nsearch: english', 'valence.yaml:2:9: search must be a section of keys and values'],
  ['version: 1\nsearch:\n  languag: german', 'valence.yaml:3:3: search.languag is not a known key', 'did you mean language?'],
  ['version: 1\nsearch:\n  language: "x\'; --"', 'valence.yaml:3:13: search.language must be the name of a text search configuration of Postgres, like english or simple'],
  ['version: 1\nsearch:\n  model: ""', 'valence.yaml:3:10: search.model must be text on one line, and not empty'],
  ['version: 1\nbackends: []', 'valence.yaml:2:11: backends must be a section of keys and values'],
  ['version: 1\nbackends:\n  Nas: {}', 'valence.yaml:3:3: backends.Nas must be 1 to 32 of a-z, 0-9 and -, and not begin with -'],
  ['version: 1\nbackends:\n  a:\n', 'valence.yaml:3:5: backends.a must be a section of keys and values'],
  ['version: 1\nbackends:\n  a: {}', 'valence.yaml:3:6: backends.a.type is missing', 'types: directory, s3, ipfs, sftp'],
  ['version: 1\nbackends:\n  a: { type: direcotry }', 'valence.yaml:3:14: backends.a.type is no type of backend', 'did you mean directory?'],
  ['version: 1\nbackends:\n  a: { type: sftpp }', 'valence.yaml:3:14: backends.a.type is no type of backend', 'did you mean sftp?'],
  ['version: 1\nbackends:\n  a: { type: tape }', 'valence.yaml:3:14: backends.a.type is no type of backend', 'types: directory, s3, ipfs, sftp'],
  [`version: 1\nbackends:\n${directory('d1')}    pth: /x`, 'valence.yaml:6:5: backends.d1.pth is not a known key', 'did you mean path?'],
  [`version: 1\nbackends:\n${directory('d1').replace('/mnt/d1', '~/x')}`, 'valence.yaml:5:11: backends.d1.path must be written out, without ~'],
  [`version: 1\nbackends:\n${directory('d1').replace('/mnt/d1', '""')}`, 'valence.yaml:5:11: backends.d1.path must not be empty'],
  [`version: 1\nbackends:\n${directory('d1')}    holder: 018f0000-0000-7000-8000-000000000001`, 'valence.yaml:6:5: backends.d1.holder is not a known key', 'known here: type, path, mount, domain, limits, read-only, prices'],
  [`version: 1\nbackends:\n${directory('d1')}    domain: My House`, 'valence.yaml:6:13: backends.d1.domain must be 1 to 64 of a-z, 0-9, . and -, and begin with a letter or digit'],
  [`version: 1\nbackends:\n${directory('d1')}${directory('d2').replace('/mnt/d2', '/mnt/x/../d1/')}`, 'valence.yaml:8:11: backends.d2.path is also that of backend d1'],
  [`${THREE}tiers:\n  t: { erasure: 2/3 }`, 'valence.yaml:13:6: tiers.t.backends is missing'],
  [`${THREE}tiers:\n  t: { backends: [], copies: 1 }`, 'valence.yaml:13:18: tiers.t.backends names no backend'],
  [`${THREE}tiers:\n  t: { backends: [d1, d22], copies: 1 }`, 'valence.yaml:13:23: tiers.t.backends.1 names d22, which is no backend', 'did you mean d2?'],
  [`${THREE}tiers:\n  t: { backends: [d1, d2, d1], copies: 1 }`, 'valence.yaml:13:27: tiers.t.backends.2 names d1 twice'],
  [`${THREE}tiers:\n  t: { backends: [d1] }`, 'valence.yaml:13:6: tiers.t needs erasure or copies', 'for example erasure: 3/5'],
  [`${THREE}tiers:\n  t: { backends: [d1], copies: 1, erasure: 1/1 }`, 'valence.yaml:13:24: tiers.t.copies cannot stand beside erasure', 'keep one of them'],
  [`${THREE}tiers:\n  t: { backends: [d1, d2], erasure: 2/3 }`, 'valence.yaml:13:37: tiers.t.erasure needs 3 backends, the tier has 2', 'each backend takes at most one shard of a stripe'],
  [`${THREE}tiers:\n  t: { backends: [d1, d2], copies: 3 }`, 'valence.yaml:13:36: tiers.t.copies needs 3 backends, the tier has 2', 'each backend takes at most one shard of a stripe'],
  [`${THREE}tiers:\n  t: { backends: [d1], copies: 0 }`, 'valence.yaml:13:32: tiers.t.copies must be at least 1'],
  [`${THREE}tiers:\n  t: { backends: [d1], copies: 1.5 }`, 'valence.yaml:13:32: tiers.t.copies must be a whole number'],
  [`${THREE}tiers:\n  t: { backends: [d1], erasur: 3/5 }`, 'valence.yaml:13:24: tiers.t.erasur is not a known key', 'did you mean erasure?'],
  [`${THREE}tiers:\n  t: { backends: [d1, d2, d3], erasure: 2/3, survives: 2 }`, 'valence.yaml:13:56: tiers.t.survives cannot be kept: 2 of the 3 shards of a stripe would lie with device:d1 and device:d2 and only 1 may be lost (2/3): the loss of these would lose the tier', 'use 1/3 or accept that with survives: 1'],
  [`${THREE}    domain: d2\ntiers:\n  t: { backends: [d1, d2, d3], erasure: 2/3 }`, 'valence.yaml:14:41: tiers.t.erasure cannot be kept: 2 of the 3 shards of a stripe would lie with device:d2 and only 1 may be lost (2/3): its loss would lose the tier', 'move one of d2 or d3 to another device, add a backend elsewhere, use 1/3, or accept it with survives: 0'],
  [`${THREE}tiers:\n  t: { backends: [d1], copies: 1, lock: fortnight }`, 'valence.yaml:13:41: tiers.t.lock must be a time, like 30s, 5m, 12h or 30d'],
  [`${THREE}tiers:\n  t: { backends: [d1], copies: 1, lock: 30d }`, 'valence.yaml:13:41: tiers.t.lock needs a backend with object-lock', 'set object-lock for a backend of the tier whose bucket has it, or take lock out'],
  [`${THREE}tiers:\n  t: { backends: [d1], copies: 1, survives: -1 }`, 'valence.yaml:13:45: tiers.t.survives must be at least 0'],
  ['version: 1\nbackends: {', 'valence.yaml:2:12: '],
  ['version: 1\n\tx: 1', 'valence.yaml:2:1: '],
  ['version: !!js/function 1', 'valence.yaml:1:10: unresolved tag: tag:yaml.org,2002:js/function'],
]; // prettier-ignore

describe('a configuration that is wrong', () => {
  test.for(REFUSED)('%j', ([text, message, hint]) => {
    const found = refusal(() => parse(text));
    expect(found.message.startsWith(message)).toBe(true);
    if (!message.endsWith(': ')) expect(found.message).toBe(message);
    expect(found.hint).toBe(hint ?? `correct ${PATH}`);
  });

  test.for(['0/5', '6/5', '3/256', '3', '3/5/7', '03/5', '-1/5', '3 / 5', 'x'])('erasure %s', (erasure) => {
    const { message } = refusal(() => parse(`${THREE}tiers:\n  t: { backends: [d1, d2, d3], erasure: ${erasure} }`));
    expect(message).toMatch(/tiers\.t\.erasure must be/);
  });

  test('several problems: the first in the file is told, all are in the context', () => {
    const text = 'version: 1\nbackends:\n  a: { type: directory, path: 5, domain: X, more: 1 }\ntires: {}\n';
    expect(() => parse(text)).toThrow(
      expect.objectContaining({
        message: 'valence.yaml:3:31: backends.a.path must be text (and 3 more)',
        context: expect.objectContaining({
          line: 3,
          column: 31,
          problems: [
            'valence.yaml:3:31: backends.a.path must be text',
            'valence.yaml:3:42: backends.a.domain must be 1 to 64 of a-z, 0-9, . and -, and begin with a letter or digit',
            'valence.yaml:3:45: backends.a.more is not a known key',
            'valence.yaml:4:1: tires is not a known key',
          ],
        }),
      }),
    );
  });

  test('aliases that multiply', () => {
    const bomb = `a: &a [1,1,1,1,1,1,1,1,1]\n${[...'bcdefgh'].map((key, i) => `${key}: &${key} [${Array(9).fill(`*${'abcdefg'[i]}`).join()}]`).join('\n')}`;
    expect(refusal(() => parse(bomb)).message).toMatch(/too many aliases/);
  });

  test('a password in the URL is not repeated', () => {
    const { message, hint } = refusal(() => parse('version: 1\ndatabase:\n  url: mysql://ada:hunter2@db/x\n'));
    expect(message + hint).not.toMatch(/hunter2/);
  });
});

describe('editing valence.yaml', () => {
  const commented = `# my notes
version: 1 # the first

tiers:
  # every night
  daily:
    backends: [d1, d2] # both at home
    copies: 2 # all of them

backends:
  # the NAS
${directory('d1')}
  # the disk in the drawer
${directory('d2')}`;

  test('keeps comments and order', () => {
    const file = ConfigFile.create(PATH, commented);
    file.addBackend('d3', { type: 'directory', path: '/mnt/d3', domain: 'office' });
    file.setTier('daily', { backends: ['d1', 'd2', 'd3'], profile: { kind: 'erasure', k: 2, n: 3 } });
    file.setTier('weekly', { backends: ['d3'], profile: { kind: 'copies', count: 1 } });
    file.setDatabaseUrl('postgres://db/notes');
    expect(file.text).toBe(`# my notes
version: 1 # the first

tiers:
  # every night
  daily:
    backends: [d1, d2, d3] # both at home
    erasure: 2/3
  weekly:
    backends: [d3]
    copies: 1

backends:
  # the NAS
${directory('d1')}
  # the disk in the drawer
${directory('d2')}  d3:
    type: directory
    path: /mnt/d3
    domain: office
database:
  url: postgres://db/notes
`);
  });

  test('an edit and its reverse give the same configuration', () => {
    const file = ConfigFile.create(PATH, commented);
    const before = file.config;
    file.addBackend('d3', { type: 'directory', path: '/mnt/d3' });
    file.setTier('weekly', { backends: ['d3'], profile: { kind: 'copies', count: 1 } });
    file.setDatabaseUrl('postgres://db/notes');
    file.removeTier('weekly');
    file.removeBackend('d3');
    file.setDatabaseUrl(null);
    expect(file.config).toEqual(before);
    expect(file.text.startsWith(commented)).toBe(true);
  });

  test('from the first file on', () => {
    const file = ConfigFile.create(PATH);
    file.addBackend('1', { type: 'directory', path: 'backups' });
    file.setTier('daily', { backends: ['1'], profile: { kind: 'copies', count: 1 } });
    expect(file.config.backends.get('1')?.location).toBe(join(process.cwd(), 'backups'));
    expect(file.text).toContain('\nbackends:\n  "1":\n    type: directory\n');
    expect(file.text).toContain('\n# Named policies');
    file.setDatabaseUrl('postgres://db/notes');
    expect(ConfigFile.create(PATH, file.text).config).toEqual(file.config);
  });

  test('sections left empty, with a comment', () => {
    const file = ConfigFile.create(PATH, 'version: 1\nbackends: # none yet\ntiers: # none either\n');
    file.addBackend('d1', { type: 'directory', path: '/mnt/d1' });
    expect(file.text).toContain('none yet');
    expect(file.config.backends.size).toBe(1);
  });

  test('what is wrong is refused as a whole', () => {
    const file = ConfigFile.create(PATH, commented);
    const backend = { type: 'directory', path: '/mnt/x' } as const;
    const copies = { kind: 'copies', count: 1 } as const;
    const cases: readonly (readonly [() => void, RegExp, RegExp?])[] = [
      [() => file.addBackend('d1', backend), /backend d1 exists already/],
      [() => file.addBackend('D 1', backend), /backends\.D 1 must be 1 to 32/],
      [() => file.addBackend('x', { ...backend, path: '/mnt/d1' }), /backends\.x\.path is also that of backend d1/],
      [() => file.removeBackend('d1'), /backend d1 is used by tier daily/],
      [() => file.removeBackend('d11'), /there is no backend d11/, /did you mean d1\?/],
      [() => file.removeTier('wekly'), /there is no tier wekly/, /there are: daily/],
      [() => file.setTier('daily', { backends: ['d1', 'nas'], profile: copies }), /names nas, which is no backend/],
      [() => file.setTier('new', { backends: ['d1'], profile: { kind: 'erasure', k: 3, n: 5 } }), /needs 5 backends/],
      [() => file.setDatabaseUrl('http://x'), /must be a postgres:\/\/ URL/],
    ];
    for (const [act, message, hint = /./] of cases) {
      const found = refusal(act);
      expect(found.message).toMatch(message);
      expect(found.hint).toMatch(hint);
      expect(file.text).toBe(commented);
    }
  });
});

describe('valence.yaml on disk', () => {
  test('saved for the owner only, and read again', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'valence.yaml');
    const file = ConfigFile.create(path);
    await file.save();
    file.addBackend('d1', { type: 'directory', path: '/mnt/d1' });
    await file.save();
    await file.save();
    expect((await lstat(path)).mode & 0o777).toBe(0o600);
    expect((await ConfigFile.load(path)).config).toEqual(file.config);
    await chmod(path, 0o644);
    await (await ConfigFile.load(path)).save();
    expect((await lstat(path)).mode & 0o777).toBe(0o600);
  });

  test('a new one replaces none', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'valence.yaml');
    await writeFile(path, 'mine');
    await expect(ConfigFile.create(path).save()).rejects.toMatchObject({ code: 'config/home-exists' });
    expect(await readFile(path, 'utf8')).toBe('mine');
  });

  test('what someone else changed meanwhile is not overwritten', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'valence.yaml');
    await ConfigFile.create(path).save();
    const [one, two] = [await ConfigFile.load(path), await ConfigFile.load(path)];
    one.addBackend('d1', { type: 'directory', path: '/mnt/d1' });
    two.addBackend('d2', { type: 'directory', path: '/mnt/d2' });
    await one.save();
    await expect(two.save()).rejects.toMatchObject({ code: 'config/invalid' });
    expect([...(await ConfigFile.load(path)).config.backends.keys()]).toEqual(['d1']);
  });

  test('a symbolic link stays one', async () => {
    await using folder = await temporaryFolder();
    const [real, link] = [join(folder.path, 'dotfiles.yaml'), join(folder.path, 'valence.yaml')];
    await writeFile(real, 'version: 1\n');
    await symlink('dotfiles.yaml', link);
    const file = await ConfigFile.load(link);
    file.setDatabaseUrl('postgres://db/notes');
    await file.save();
    expect(await readlink(link)).toBe('dotfiles.yaml');
    expect(await readFile(real, 'utf8')).toContain('postgres://db/notes');
  });

  test('missing, unreadable and undecodable ones', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'valence.yaml');
    await expect(ConfigFile.load(path)).rejects.toMatchObject({ code: 'config/no-home' });
    await expect(ConfigFile.load(join(path, 'x'))).rejects.toMatchObject({ code: 'config/no-home' });
    await writeFile(path, Uint8Array.of(0xff, 0xfe));
    await expect(ConfigFile.load(path)).rejects.toMatchObject({ code: 'config/invalid' });
    await mkdir(join(folder.path, 'folder'));
    await expect(ConfigFile.load(join(folder.path, 'folder'))).rejects.toMatchObject({ code: 'config/invalid' });
  });
});

describe('the configuration in a snapshot', () => {
  const text = `${THREE}tiers:
  weekly: { backends: [d3], copies: 1 }
  daily: { backends: [d1, d2, d3], erasure: 2/3 }
search: { language: german, model: small }
database:
  url: postgres://ada:hunter2@db/notes?sslmode=require&password=hunter3
`;

  test('holds everything but secrets', () => {
    const snapshot = configForSnapshot(parse(text));
    expect(snapshot).not.toMatch(/hunter/);
    expect(configFromSnapshot(snapshot)).toEqual({
      ...parse(text),
      databaseUrl: 'postgres://ada@db/notes?sslmode=require',
    });
    expect(configForSnapshot(configFromSnapshot(snapshot))).toBe(snapshot);
  });

  test('is the same for equal configurations', () => {
    const reordered = `version: 1\nbackends:\n${directory('d3')}${directory('d2')}${directory('d1')}tiers:
  daily: { backends: [d1, d2, d3], erasure: 2/3 }
  weekly: { backends: [d3], copies: 1 } # a comment
search: { model: small, language: german }
database: { url: "postgres://ada:hunter2@db/notes?sslmode=require&password=hunter3" }
`;
    expect(configForSnapshot(parse(reordered))).toBe(configForSnapshot(parse(text)));
  });

  test('of an empty configuration', () => {
    const empty = parse('version: 1');
    expect(configFromSnapshot(configForSnapshot(empty))).toEqual(empty);
  });

  test('that is no configuration', () => {
    expect(() => configFromSnapshot('version: 1\nx: 1')).toThrow(expect.objectContaining({ code: 'format/malformed' }));
  });
});
