import { isAbsolute, relative, resolve } from 'node:path';
import { z } from 'zod';
import { path, SECTION_RULE } from './fields.ts';
import type { SectionOf } from './fields.ts';
import type { Kind, KindProblem } from './kind.ts';
import { completeSettings, FREE, SETTINGS } from './settings.ts';
import type { BackendSettings, RawSettings } from './settings.ts';

/** A folder, also of a mounted disk or network share. */

export interface RawDirectory extends RawSettings {
  readonly type: 'directory';
  readonly path: string;
  readonly mount?: string | undefined;
}

export interface DirectoryConfig extends BackendSettings {
  readonly type: 'directory';
  /** Absolute. */
  readonly path: string;
  /** Absolute: where a file system must be mounted for the folder to be the right one. */
  readonly mount: string | null;
}

const schema: SectionOf<RawDirectory> = z.strictObject(
  { type: z.literal('directory'), path, mount: path.optional(), ...SETTINGS },
  { error: SECTION_RULE },
);

export const directory: Kind<RawDirectory, DirectoryConfig> = {
  schema,
  problems: ({ path: folder, mount }) => (mount === undefined || mayHold(mount, folder) ? [] : [MOUNT_ELSEWHERE]),
  absolute: (raw, folder) => ({
    ...raw,
    path: resolve(folder, raw.path),
    ...(raw.mount === undefined ? {} : { mount: resolve(folder, raw.mount) }),
  }),
  complete: (raw, name, folder) => ({
    ...completeSettings(raw, { device: name, prices: FREE }),
    type: 'directory',
    path: resolve(folder, raw.path),
    mount: raw.mount === undefined ? null : resolve(folder, raw.mount),
  }),
  place: (config) => ({ store: 'file:', path: config.path, key: 'path' }),
  location: (config) => config.path,
};

const MOUNT_ELSEWHERE: KindProblem = {
  key: 'mount',
  atKey: false,
  message: 'must be path or a folder above it',
  hint: 'mount is where the disk or share is mounted, and path lies on it',
};

/** What only the working folder could tell is left to the opening. */
function mayHold(mount: string, folder: string): boolean {
  if (isAbsolute(mount) !== isAbsolute(folder)) return true;
  return !relative(mount, folder).split('/').includes('..');
}
