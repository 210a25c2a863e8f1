import { join } from 'node:path';
import { costIn } from './rival.ts';
import type { Rival } from './rival.ts';
import { isInstalled, shell } from './timed.ts';

/**
 * `pg_dump` into a deduplicating store. What our catalog holds is left out: who has these tools has no such tables, and
 * then nothing of our own runs reaches them.
 */

const dumpOf = (url: string): string => `pg_dump -Fc -Z0 -N valence_catalog '${url}'`;

/** Those that are installed, each with an empty store in `work`. */
export async function openDumpStores(url: string, work: string): Promise<readonly Rival[]> {
  const rivals: Rival[] = [];
  if (await isInstalled('restic')) rivals.push(await openRestic(url, work));
  if (await isInstalled('borg')) rivals.push(await openBorg(url, work));
  return rivals;
}

async function openRestic(url: string, work: string): Promise<Rival> {
  const store = join(work, 'restic');
  const env = { RESTIC_PASSWORD: 'bench', RESTIC_REPOSITORY: store, RESTIC_CACHE_DIR: join(work, 'restic-cache') };
  await shell('restic init -q', env);
  return {
    name: 'pg_dump | restic',
    settle: async () => {},
    backUp: () =>
      costIn(store, async () => {
        const command = `${dumpOf(url)} | restic backup --json --stdin --stdin-filename dump`;
        const { seconds, output } = await shell(command, env);
        const { data_added: newBytes } = JSON.parse(output.trim().split('\n').at(-1)!) as { data_added: number };
        return { seconds, newBytes };
      }),
  };
}

async function openBorg(url: string, work: string): Promise<Rival> {
  const store = join(work, 'borg');
  const env = { BORG_REPO: store, BORG_PASSPHRASE: 'bench', BORG_BASE_DIR: join(work, 'borg-base') };
  // It has advice for people, on standard error.
  await shell('borg init --encryption repokey-blake2 2>&1', env);
  let archives = 0;
  return {
    name: 'pg_dump | borg',
    settle: async () => {},
    backUp: () =>
      costIn(store, async () => {
        archives += 1;
        const { seconds, output } = await shell(`${dumpOf(url)} | borg create --json ::${archives} -`, env);
        const { archive } = JSON.parse(output) as { archive: { stats: { deduplicated_size: number } } };
        return { seconds, newBytes: archive.stats.deduplicated_size };
      }),
  };
}
