import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { jsonLines, runCli } from '../cli/run-cli.ts';
import type { CliResult } from '../cli/run-cli.ts';
import { freshDatabase } from '../support/fresh-database.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import type { TemporaryFolder } from '../support/temporary-folder.ts';
import { beliefNumber, buildVault, filesIn, onHost, restoreFrom } from '../support/vault-folders.ts';

/** A home whose database is on a server. */

let folder: TemporaryFolder;

beforeAll(async () => {
  folder = await temporaryFolder();
});

afterAll(() => folder[Symbol.asyncDispose]());

function init(home: string, url?: string): Promise<CliResult> {
  return runCli(['init', '--home', home, '--json'], { env: url === undefined ? {} : { DATABASE_URL: url } });
}

function yamlOf(home: string): Promise<string> {
  return readFile(join(home, 'valence.yaml'), 'utf8');
}

/** The server takes any password. */
function withPassword(url: string): string {
  const named = new URL(url);
  if (named.password === '') named.password = 'hunter2';
  return named.href;
}

function withoutPassword(url: string): string {
  const named = new URL(url);
  named.password = '';
  return named.href;
}

describe('init with DATABASE_URL', () => {
  it('keeps the URL without its password, so that a shell without it finds the same database', async () => {
    await using server = await freshDatabase();
    const home = join(folder.path, 'kept');
    const url = withPassword(server.url);
    const made = await init(home, url);
    expect(made.exit, made.stderr).toBe(0);
    expect(await yamlOf(home)).toContain(withoutPassword(server.url));
    expect(await yamlOf(home)).not.toContain(new URL(url).password);
    expect((await init(home, url)).exit, 'again').toBe(0);
    if (new URL(server.url).password === '') {
      const elsewhere = await runCli(['digest', '--home', home, '--json']);
      expect(elsewhere.exit, elsewhere.stderr).toBe(0);
    }
    expect(await filesIn(home)).toEqual(['valence.yaml']);
  });

  it('gives a home without a database this one, and refuses to give another to one that has', async () => {
    await using server = await freshDatabase();
    await using other = await freshDatabase();
    const home = join(folder.path, 'given');
    expect((await init(home, server.url)).exit).toBe(0);
    const file = join(home, 'valence.yaml');
    await writeFile(file, 'version: 1\ndatabase: {}\n');
    expect((await init(home, server.url)).exit).toBe(0);
    const kept = await yamlOf(home);
    expect(kept).toContain(withoutPassword(server.url));
    const refused = await init(home, other.url);
    expect({ exit: refused.exit, stdout: refused.stdout }).toEqual({ exit: 20, stdout: '' });
    expect(jsonLines(refused.stderr)[0]).toMatchObject({
      code: 'config/home-exists',
      hint: expect.stringContaining('unset DATABASE_URL'),
    });
    expect(await yamlOf(home)).toBe(kept);
    const embedded = join(folder.path, 'embedded');
    expect((await init(embedded)).exit).toBe(0);
    expect((await init(embedded, server.url)).exit).toBe(20);
  });
});

describe('a part on a server', () => {
  it('is never the next snapshot of its vault, even where the vault is at home', async () => {
    await using server = await freshDatabase();
    const vault = await buildVault(join(folder.path, 'vault'));
    const more = ['--beliefs', beliefNumber(2)];
    const part = await restoreFrom({ from: vault.places, to: server.url, masterKey: vault.masterKey, more });
    expect({ exit: part.exit, stderr: part.stderr }).toEqual({ exit: 0, stderr: '' });
    const before = await filesIn(join(vault.places[0]!, 'snapshots'));
    for (const argv of [
      ['backup', 'run'],
      ['vault', 'attach', '--from', vault.places[0]!, '--key-file', vault.masterKey],
    ]) {
      const refused = await onHost(vault, ...argv, '--database', server.url);
      expect({ exit: refused.exit, stdout: refused.stdout }).toEqual({ exit: 2, stdout: '' });
      expect(jsonLines(refused.stderr)[0]).toMatchObject({
        code: 'usage/invalid',
        message: expect.stringContaining('a part of snapshot 3 of the tier main'),
      });
    }
    expect(await filesIn(join(vault.places[0]!, 'snapshots'))).toEqual(before);
    const doctor = jsonLines((await onHost(vault, 'doctor', '--database', server.url)).stdout);
    expect(doctor).toContainEqual(
      expect.objectContaining({ level: 'error', what: expect.stringContaining('only a part of snapshot 3') }),
    );
    expect((await onHost(vault, 'backup', 'run')).exit, 'its own database').toBe(0);
  });
});
