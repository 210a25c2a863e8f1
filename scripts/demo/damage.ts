import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The first object below a folder of a backend, as a path relative to `root`. */
export async function firstObject(root: string, folder: string): Promise<string> {
  const entries = await readdir(join(root, folder), { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const [first] = files.toSorted();
  if (first === undefined) throw new Error(`there is no object in ${join(root, folder)}`);
  return first.slice(root.length + 1);
}

/** Flips one bit of the byte in the middle of a file, as decay or a malicious hand would; again, it is as before. */
export async function flipOneBit(path: string): Promise<number> {
  const bytes = await readFile(path);
  const middle = bytes.length >> 1;
  bytes[middle] = (bytes[middle] ?? 0) ^ 1;
  await writeFile(path, bytes);
  return middle;
}
