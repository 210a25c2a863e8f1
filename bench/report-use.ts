/**
 * Loaded before the program that is measured. At its end leaves in the file `VALENCE_BENCH_REPORT`, as JSON: its peak
 * resident memory, and how many bytes it read from files below `VALENCE_BENCH_FOLDER`.
 */
import { writeFileSync } from 'node:fs';
import fs from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { isMainThread } from 'node:worker_threads';

export interface UseReport {
  readonly peakMebibytes: number;
  readonly readBytes: number;
}

const { VALENCE_BENCH_REPORT: report = '', VALENCE_BENCH_FOLDER: folder = '' } = process.env;
let readBytes = 0;

// Threads load this too.
if (isMainThread && report !== '') {
  if (folder !== '') countReads();
  process.on('exit', () => {
    const use: UseReport = { peakMebibytes: process.resourceUsage().maxRSS / 1024, readBytes };
    writeFileSync(report, JSON.stringify(use));
  });
}

function countReads(): void {
  const open = fs.open;
  fs.open = async (path, ...rest) => {
    const handle = await open(path, ...rest);
    return typeof path === 'string' && path.startsWith(folder) ? counting(handle) : handle;
  };
  syncBuiltinESMExports();
}

function counting(handle: FileHandle): FileHandle {
  const read = handle.read.bind(handle) as (...parameters: unknown[]) => Promise<{ bytesRead: number }>;
  const counted = async (...parameters: unknown[]): Promise<{ bytesRead: number }> => {
    const result = await read(...parameters);
    readBytes += result.bytesRead;
    return result;
  };
  return Object.assign(handle, { read: counted });
}
