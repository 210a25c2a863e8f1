/** Loaded before the program that is measured: leaves its peak resident memory, in KiB, in a file. */
import { writeFileSync } from 'node:fs';

const file = process.env['VALENCE_MEMORY_FILE'];
process.on('exit', () => {
  if (file !== undefined) writeFileSync(file, String(process.resourceUsage().maxRSS));
});
