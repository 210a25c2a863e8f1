import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { launchProgram, openFile } from '../../src/cli/open-file.ts';

type Launched = readonly [program: string, args: readonly string[]];

async function launched(
  platform: NodeJS.Platform,
  env: Readonly<Record<string, string>>,
): Promise<{ opened: boolean; calls: readonly Launched[] }> {
  const calls: Launched[] = [];
  const launch = async (program: string, args: readonly string[]): Promise<void> => {
    calls.push([program, args]);
  };
  return { opened: await openFile('/tmp/a b.html', { platform, env, launch }), calls };
}

describe('opening a file', () => {
  it.for([
    ['linux', { DISPLAY: ':0' }, 'xdg-open'],
    ['linux', { WAYLAND_DISPLAY: 'wayland-0' }, 'xdg-open'],
    ['freebsd', { DISPLAY: ':0' }, 'xdg-open'],
    ['darwin', {}, 'open'],
    ['win32', { BROWSER: 'C:\\browser.exe' }, 'explorer.exe'],
    ['linux', { BROWSER: 'firefox:lynx' }, 'firefox'],
    ['linux', { BROWSER: 'odd %s', DISPLAY: ':0' }, 'xdg-open'],
  ] as const)('on %s with %j is left to %s', async ([platform, env, program]) => {
    expect(await launched(platform, env)).toEqual({ opened: true, calls: [[program, ['/tmp/a b.html']]] });
  });

  it('is not tried without a screen', async () => {
    expect(await launched('linux', { DISPLAY: '' })).toEqual({ opened: false, calls: [] });
  });

  it('says so where the program is not there', async () => {
    const desktop = { platform: 'linux', env: { BROWSER: '/nowhere/browser' }, launch: launchProgram } as const;
    expect(await openFile('/tmp/a.html', desktop)).toBe(false);
  });

  it('waits for the start of the program, not for its end', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const connected = once(server, 'connection');
    // Ends when the connection does.
    await launchProgram(process.execPath, ['-e', `require('node:net').connect(${port}, '127.0.0.1').resume()`]);
    const [socket] = (await connected) as [Socket];
    const closed = once(socket, 'close');
    socket.end();
    await closed;
    server.close();
  });
});
