import { stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { ValenceError } from '../core/errors.ts';

/** Where the parts of one installation lie (docs/configuration.md). All paths are absolute; none need exist yet. */
export interface Home {
  readonly root: string;
  /** `valence.yaml` */
  readonly configFile: string;
  /** The embedded database. */
  readonly databaseFolder: string;
  readonly hostKeyFile: string;
  /** Written by `keys init`, and meant to be taken away. */
  readonly masterKeyFile: string;
  /** Packs on their way to the backends. */
  readonly spoolFolder: string;
  /** What runs that were interrupted have stored, with keys of chunks. */
  readonly journalFolder: string;
  /** Until when what lies at backends is locked. */
  readonly locksFolder: string;
  /** What this host keeps of each backend: its host key, what was written there by a key that cannot read, its speed. */
  readonly placesFolder: string;
  /** Secrets that were given on standard input. */
  readonly secretsFolder: string;
  readonly lockFile: string;
}

export type Environment = Readonly<Record<string, string | undefined>>;

export interface HomeChoice {
  /** The value of `--home`. */
  readonly flag?: string | undefined;
  /** `VALENCE_HOME` is read from it; empty counts as unset. */
  readonly env: Environment;
  /** The person's own folder, `.valence` in which is the default. */
  readonly userFolder?: string | undefined;
}

/** Flag, else environment, else `~/.valence`. Touches no disk. @throws `usage/invalid` if the flag is empty */
export function resolveHome({ flag, env, userFolder = homedir() }: HomeChoice): Home {
  if (flag === '') throw new ValenceError('usage/invalid', '--home is empty', { hint: 'name a folder' });
  return homeAt(flag ?? (env['VALENCE_HOME'] || join(userFolder, '.valence')));
}

/** The home in that folder. */
export function homeAt(folder: string): Home {
  const root = resolve(folder);
  return {
    root,
    configFile: join(root, 'valence.yaml'),
    databaseFolder: join(root, 'database'),
    hostKeyFile: join(root, 'host.key'),
    masterKeyFile: join(root, 'master.key'),
    spoolFolder: join(root, 'spool'),
    journalFolder: join(root, 'journal'),
    locksFolder: join(root, 'locks'),
    placesFolder: join(root, 'places'),
    secretsFolder: join(root, 'secrets'),
    lockFile: join(root, 'lock'),
  };
}

/** True if the folder has been made a home: it has a `valence.yaml`. */
export async function isHome(home: Home): Promise<boolean> {
  return stat(home.configFile).then(
    (status) => status.isFile(),
    () => false,
  );
}
