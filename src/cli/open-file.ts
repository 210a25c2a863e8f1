import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** Starts a program that lives on without us. Resolves when it has started; rejects when it cannot. */
export type Launch = (program: string, args: readonly string[]) => Promise<void>;

export interface Desktop {
  readonly platform: NodeJS.Platform;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly launch: Launch;
}

/**
 * Hands a file to the program that this desktop, or BROWSER, opens it with, and waits for neither. `false`: there is none, or
 * no screen to show it on.
 */
export async function openFile(path: string, { platform, env, launch }: Desktop): Promise<boolean> {
  const opener = openerOf(platform, env);
  if (opener === null) return false;
  const [program, ...args] = opener;
  try {
    await launch(program, [...args, path]);
    return true;
  } catch {
    return false;
  }
}

/** Of its own session, so that closing the terminal does not close what was opened. */
export const launchProgram: Launch = async (program, args) => {
  const child = spawn(program, args, { detached: true, stdio: 'ignore', windowsHide: true });
  await once(child, 'spawn');
  child.unref();
};

function openerOf(platform: NodeJS.Platform, env: Desktop['env']): readonly [string, ...string[]] | null {
  // A list of programs, the first choice first; one with arguments of its own is more than we take apart.
  const browser = env['BROWSER']?.split(':')[0];
  if (browser !== undefined && browser !== '' && !browser.includes('%') && platform !== 'win32') return [browser];
  if (platform === 'darwin') return ['open'];
  if (platform === 'win32') return ['explorer.exe'];
  const hasScreen = [env['DISPLAY'], env['WAYLAND_DISPLAY']].some((name) => name !== undefined && name !== '');
  return hasScreen ? ['xdg-open'] : null;
}
