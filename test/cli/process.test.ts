import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { ValenceError } from '../../src/core/errors.ts';
import { run } from '../../src/cli/run.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { Capture, runCli } from './run-cli.ts';

const BIN = fileURLToPath(new URL('../../src/cli/bin.ts', import.meta.url));

interface Ended {
  readonly exit: number | string | null;
  readonly stdout: string;
  readonly stderr: string;
}

function node(...args: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, args, (error, stdout, stderr) => resolve({ exit: error?.code ?? 0, stdout, stderr }));
  });
}

describe('the process', () => {
  it('prints its version, and ends with the status of a command', async () => {
    expect(await node(BIN, '--version')).toMatchObject({ exit: 0, stderr: '' });
    expect(await node(BIN, 'nothing')).toMatchObject({ exit: 2, stdout: '' });
  });

  it('refuses an older Node with a sentence', async () => {
    const pretend = 'data:text/javascript,Object.defineProperty(process.versions,"node",{value:"24.11.1"})';
    expect(await node('--import', pretend, BIN, '--version')).toEqual({
      exit: 1,
      stdout: '',
      stderr: 'valence: needs Node 24.12 or later, this is 24.11.1\n',
    });
  });

  it('does not mind a reader that goes away', async () => {
    const child = spawn(process.execPath, [BIN, '--help'], { stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.destroy();
    const stderr: Buffer[] = [];
    child.stderr.on('data', (piece: Buffer) => stderr.push(piece));
    const [exit] = (await once(child, 'close')) as [number];
    expect({ exit, stderr: Buffer.concat(stderr).toString() }).toEqual({ exit: 0, stderr: '' });
  });
});

describe('an import from a pipe', () => {
  it('is cancelled though the pipe stays open, and imports nothing', async () => {
    await using folder = await temporaryFolder();
    const home = join(folder.path, 'home');
    expect((await runCli(['init', '--home', home])).exit).toBe(0);
    const controller = new AbortController();
    let reads = 0;
    // Says one line, and then nothing more until it is interrupted.
    const stdin = new Readable({
      read() {
        reads += 1;
        if (reads === 1) this.push('{"content":"a"}\n');
        else setImmediate(() => controller.abort(new ValenceError('cancelled', 'cancelled')));
      },
    });
    const [stdout, stderr] = [new Capture(), new Capture()];
    const exit = await run(['import', '-', '--home', home], {
      stdin,
      stdout,
      stderr,
      env: {},
      signal: controller.signal,
    });
    expect({ exit, stdout: stdout.text, stderr: stderr.text }).toEqual({
      exit: 130,
      stdout: '',
      stderr: 'valence: cancelled\n',
    });
    expect((await runCli(['export', '--home', home])).stdout).toBe('');
  });
});
