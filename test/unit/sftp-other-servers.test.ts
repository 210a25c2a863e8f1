import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { inspect } from 'node:util';
import type { AuthContext, Connection, SFTPWrapper } from 'ssh2';
import ssh2 from 'ssh2';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Backend } from '../../src/backends/backend.ts';
import type { SftpAuth } from '../../src/backends/sftp/login.ts';
import { openSftp } from '../../src/backends/sftp/open-sftp.ts';
import { listed, pattern } from '../contract/backend-contract.ts';
import { rejection } from '../support/expect-code.ts';

/** What OpenSSH on a test machine does not do: passwords, questions, and the words and gaps of other servers. */

const { OPEN_MODE, STATUS_CODE } = ssh2.utils.sftp;
const PASSWORD = 'tr0ub4dor&3';
const FOLDER = { mode: 0o040755, size: 4096, uid: 0, gid: 0, atime: 0, mtime: 0 };
const FILE = { ...FOLDER, mode: 0o100644, size: 7 };

/** Of five Ed25519 keys in a thousand that ssh2 makes, it cannot read what it wrote. */
const HOST_KEY = generateKeyPairSync('ec', {
  namedCurve: 'P-256',
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'sec1', format: 'pem' },
}).privateKey;

interface Manners {
  readonly login?: (context: AuthContext) => void;
  /** Of the file that is written. */
  readonly writing?: { readonly code: number; readonly words?: string };
}

/** A server with one file, `shards/one`, of seven bytes, that announces no extension and lists names without attributes. */
async function otherServer({ login = acceptAll, writing = { code: STATUS_CODE.OK } }: Manners): Promise<number> {
  const server = new ssh2.Server({ hostKeys: [HOST_KEY] }, (connection: Connection) => {
    connection.on('error', () => undefined).on('authentication', login);
    connection.on('session', (accept) => accept().on('sftp', (start) => serve(start(), writing)));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const address = server.address();
  return address !== null && typeof address === 'object' ? address.port : 0;
}

function acceptAll(context: AuthContext): void {
  context.accept();
}

function serve(sftp: SFTPWrapper, writing: { readonly code: number; readonly words?: string }): void {
  const known = new Map([
    ['/store', FOLDER],
    ['/store/shards', FOLDER],
    ['/store/shards/one', FILE],
  ]);
  const handles = new Map<number, string[]>();
  let last = 0;
  const status = (id: number, path: string): void => {
    const found = known.get(path);
    if (found === undefined) sftp.status(id, STATUS_CODE.NO_SUCH_FILE);
    else sftp.attrs(id, found);
  };
  const opened = (id: number, names: string[]): void => {
    handles.set((last += 1), names);
    sftp.handle(id, Buffer.from([last]));
  };
  sftp.on('REALPATH', (id, path) =>
    sftp.name(id, [{ filename: path === '.' ? '/' : path, longname: '', attrs: FOLDER }]),
  );
  sftp.on('STAT', status).on('LSTAT', status);
  sftp.on('OPENDIR', (id, path) =>
    opened(
      id,
      [...known.keys()].filter((name) => name.startsWith(`${path}/`)),
    ),
  );
  sftp.on('READDIR', (id, handle) => {
    const names = handles.get(handle[0]!) ?? [];
    const [parent = ''] = names.length === 0 ? [] : [names[0]!.slice(0, names[0]!.lastIndexOf('/'))];
    const here = names
      .filter((name) => name.lastIndexOf('/') === parent.length)
      .map((name) => name.slice(parent.length + 1));
    handles.set(handle[0]!, []);
    if (here.length === 0) sftp.status(id, STATUS_CODE.EOF);
    else
      sftp.name(
        id,
        here.map((filename) => ({ filename, longname: filename, attrs: {} as typeof FILE })),
      );
  });
  sftp.on('OPEN', (id, path, flags) => {
    if ((flags & OPEN_MODE.WRITE) !== 0) known.set(path, { ...FILE, size: 0 });
    opened(id, []);
  });
  sftp.on('WRITE', (id) => sftp.status(id, writing.code, writing.words));
  sftp.on('RENAME', (id, from, path) => {
    known.set(path, { ...FILE, size: 10 });
    known.delete(from);
    sftp.status(id, STATUS_CODE.OK);
  });
  sftp.on('REMOVE', (id, path) => sftp.status(id, known.delete(path) ? STATUS_CODE.OK : STATUS_CODE.NO_SUCH_FILE));
  sftp.on('CLOSE', (id) => sftp.status(id, STATUS_CODE.OK));
}

async function open(port: number, auth: SftpAuth = { kind: 'password', password: PASSWORD }): Promise<Backend> {
  const pinHostKey = async (): Promise<boolean> => true;
  return openSftp({
    name: 'nas',
    host: '127.0.0.1',
    port,
    user: 'ada',
    folder: '/store',
    auth,
    pinHostKey,
    mustExist: true,
  });
}

describe('a password', () => {
  test('opens a server that takes one', async () => {
    const login = (context: AuthContext): void => {
      if (context.method === 'password' && context.password === PASSWORD && context.username === 'ada')
        context.accept();
      else context.reject(['password']);
    };
    await using backend = await open(await otherServer({ login }));
    expect(await backend.stat('shards/one')).toEqual({ name: 'shards/one', sizeBytes: 7 });
  });

  test('answers a server that asks for it, and no other question', async () => {
    const answered: string[] = [];
    const login = (context: AuthContext): void => {
      if (context.method !== 'keyboard-interactive') return context.reject(['keyboard-interactive']);
      const questions = [
        { prompt: 'Your town?', echo: true },
        { prompt: 'Password:', echo: false },
      ];
      context.prompt(questions, (answers) => {
        answered.push(...answers);
        context.accept();
      });
    };
    await using backend = await open(await otherServer({ login }));
    expect(backend.location).toMatch(/^sftp:\/\/ada@127\.0\.0\.1:\d+\/store$/);
    expect(answered).toEqual(['', PASSWORD]);
  });

  test('that is wrong is denied, and is in no error', async () => {
    const port = await otherServer({ login: (context) => context.reject(['password', 'keyboard-interactive']) });
    const error = await rejection(open(port), 'backend/denied');
    expect(error.message).toBe('backend nas: open: the server refuses the login');
    expect(inspect(error, { depth: 20, showHidden: true })).not.toContain(PASSWORD);
  });
});

describe('a server that is not OpenSSH', () => {
  test('may list names without their attributes', async () => {
    await using backend = await open(await otherServer({}));
    expect(await listed(backend, '')).toEqual([{ name: 'shards/one', sizeBytes: 7 }]);
  });

  test('may have no extension at all', async () => {
    await using backend = await open(await otherServer({}));
    await backend.put('shards/two', pattern(10));
    expect(await backend.stat('shards/two')).toEqual({ name: 'shards/two', sizeBytes: 10 });
    expect(backend.traits.conditionalPut).toBe(false);
  });

  test.for([
    ['backend/full', { code: STATUS_CODE.FAILURE, words: 'Disk quota exceeded' }],
    ['backend/full', { code: STATUS_CODE.FAILURE, words: 'write: No space left on device' }],
    ['backend/denied', { code: STATUS_CODE.PERMISSION_DENIED }],
    ['backend/unavailable', { code: STATUS_CODE.FAILURE, words: 'Failure' }],
  ] as const)('%s is what it means by %j', async ([code, writing]) => {
    await using backend = await open(await otherServer({ writing }));
    await rejection(backend.put('shards/two', pattern(10)), code);
    expect(await backend.stat('shards/two')).toBe(null);
    expect(await listed(backend, '')).toEqual([{ name: 'shards/one', sizeBytes: 7 }]);
  });

  test('and its words do not steer the terminal', async () => {
    const words = 'bad \u001b]0;title\u0007\n thing';
    await using backend = await open(await otherServer({ writing: { code: STATUS_CODE.FAILURE, words } }));
    const error = await rejection(backend.put('shards/two', pattern(10)), 'backend/unavailable');
    expect(error.message).toBe('backend nas: put shards/two: the server answers: bad  ]0;title  thing');
  });
});
