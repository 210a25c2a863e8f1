import { join } from 'node:path';
import type { Meter } from '../backends/wrappers/meter.ts';
import type { Home } from '../config/home.ts';
import { fromUtf8, utf8 } from '../core/bytes.ts';
import { isValenceError } from '../core/errors.ts';
import { makeFolderDurably, readWholeFile, writeFileDurably } from '../core/files.ts';

/** How fast a backend took what the last run gave it: for estimates alone, so a lost or torn file costs nothing. */
export interface UploadSpeed {
  readonly bytesPerSecond: number;
}

const FILE_NAME = 'speed.json';
/** Less than that says more of latency and of what else went on. */
const BYTES_WORTH_MEASURING = 256 * 1024;

/** `null`: no run has measured it yet. */
export async function readSpeed({ placesFolder }: Home, name: string): Promise<UploadSpeed | null> {
  try {
    const bytes = await readWholeFile(join(placesFolder, name, FILE_NAME));
    if (bytes === null) return null;
    const speed = JSON.parse(fromUtf8(bytes)) as Partial<UploadSpeed> | null;
    const bytesPerSecond = speed?.bytesPerSecond;
    return typeof bytesPerSecond === 'number' && bytesPerSecond > 0 ? { bytesPerSecond } : null;
  } catch (error) {
    if (isValenceError(error) || error instanceof SyntaxError) return null;
    throw error;
  }
}

/** Remembers what a run has measured, if that was enough to say something. */
export async function keepSpeed({ placesFolder }: Home, name: string, meter: Meter): Promise<void> {
  const { bytesUp, milliseconds } = meter.snapshot().operations.put;
  if (bytesUp < BYTES_WORTH_MEASURING || milliseconds <= 0) return;
  const folder = join(placesFolder, name);
  const speed: UploadSpeed = { bytesPerSecond: Math.round((bytesUp / milliseconds) * 1000) };
  try {
    await makeFolderDurably(folder, { mode: 0o700 });
    await writeFileDurably(join(folder, FILE_NAME), utf8(`${JSON.stringify(speed)}\n`), { mode: 0o600 });
  } catch (error) {
    if (!isValenceError(error)) throw error;
  }
}
