import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { isSecretReference, parseSecretReference, resolveSecret } from '../../src/config/secret-reference.ts';
import type { ValenceError } from '../../src/core/errors.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const SECRET = 'correct horse battery';

async function refusal(text: string, env: Record<string, string> = {}): Promise<ValenceError> {
  try {
    await resolveSecret(parseSecretReference(text, '/')!, env, 'key of backend b2');
  } catch (error) {
    const refused = error as ValenceError;
    expect(refused).toMatchObject({ code: 'config/invalid', hint: expect.any(String) });
    expect(`${refused.message}${refused.hint}${JSON.stringify(refused.context)}`).not.toContain(SECRET);
    return refused;
  }
  throw new Error('was not refused');
}

describe('a secret by reference', () => {
  test('reads variables and files, without the last line feed', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'key');
    await writeFile(path, `${SECRET}\n`, { mode: 0o600 });
    const of = (text: string): Promise<string> =>
      resolveSecret(parseSecretReference(text, folder.path)!, { B2_KEY: SECRET }, 'key');
    expect([await of('env:B2_KEY'), await of(`file:${path}`), await of('file:key')]).toEqual([SECRET, SECRET, SECRET]);
    await symlink(path, join(folder.path, 'link'));
    expect(await of('file:link')).toBe(SECRET);
  });

  test('is refused where others can read it, with the way to mend it', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'key');
    await writeFile(path, SECRET);
    for (const mode of [0o644, 0o640, 0o606, 0o660]) {
      await chmod(path, mode);
      expect(await refusal(`file:${path}`)).toMatchObject({
        message: `key of backend b2: others may read ${path}`,
        hint: expect.stringContaining(`chmod 600 ${path}`),
      });
    }
  });

  test('is refused where there is none', async () => {
    await using folder = await temporaryFolder();
    const [folderPath, empty, binary] = ['folder', 'empty', 'binary'].map((name) => join(folder.path, name)) as [
      string,
      string,
      string,
    ];
    await mkdir(folderPath, { mode: 0o700 });
    await writeFile(empty, '\n', { mode: 0o600 });
    await writeFile(binary, Buffer.from([0xff, 0xfe]), { mode: 0o600 });
    const messages = [
      await refusal('env:B2_KEY'),
      await refusal('env:B2_KEY', { B2_KEY: '' }),
      await refusal(`file:${join(folder.path, 'absent')}`),
      await refusal(`file:${folderPath}`),
      await refusal(`file:${empty}`),
      await refusal(`file:${binary}`),
    ].map(({ message }) => message.replace('key of backend b2: ', '').replaceAll(folder.path, ''));
    expect(messages).toEqual([
      'the variable B2_KEY is not set',
      'the variable B2_KEY is empty',
      'there is no file /absent',
      '/folder is no file',
      '/empty is empty',
      '/binary cannot be read',
    ]);
  });

  test.for(['', 'env:', 'env:A B', 'env:1A', 'file:', 'file:a\nb', 'hunter2', 'ENV:A', 'profile:x', `env:${SECRET}`])(
    '%j is none',
    (text) => expect(isSecretReference(text)).toBe(false),
  );
});
