import { dirname, relative, sep } from 'node:path';
import { ValenceError } from '../../core/errors.ts';
import type { FileSystem } from '../../core/file-system.ts';
import { statusOrNull, translated } from '../../core/files.ts';

/**
 * A share that was never mounted leaves its mount point behind, an empty folder of the disk below, which looks like a
 * new place to store. So its file system is compared with that of the folder above it.
 * @throws `backend/unavailable` unless a file system of its own is mounted at `mountPoint`, and `root` lies in it
 */
export async function checkMounted(files: FileSystem, mountPoint: string, root: string): Promise<void> {
  const way = relative(mountPoint, root);
  if (way === '..' || way.startsWith(`..${sep}`)) throw notMounted(mountPoint, `${root} does not lie in ${mountPoint}`);
  const mounted = await translated('look for', mountPoint, async () => {
    if ((await statusOrNull(files, mountPoint)) === null) return false;
    const real = await files.realPath(mountPoint);
    return (await files.status(real)).device !== (await files.status(dirname(real))).device;
  });
  if (!mounted) throw notMounted(mountPoint, `nothing is mounted at ${mountPoint}`);
}

function notMounted(mountPoint: string, message: string): ValenceError {
  return new ValenceError('backend/unavailable', message, {
    hint: 'mount the disk or share there, then run the command again',
    context: { path: mountPoint },
  });
}
