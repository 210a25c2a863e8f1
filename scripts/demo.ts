/**
 * The whole story with the real program: a knowledge base is backed up to five folders, two of them and the machine are
 * lost, a byte of a third is damaged, and everything is restored elsewhere. `--keep` leaves the folders to be looked at.
 */
import { cp, mkdir, mkdtemp, realpath, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { firstObject, flipOneBit } from './demo/damage.ts';
import { Terminal } from './demo/terminal.ts';

const SLICE = fileURLToPath(new URL('../examples/wordnet', import.meta.url));
const PLACES = ['attic', 'cellar', 'office', 'bank', 'friend'] as const;
const LEFT = PLACES.slice(2);
/** Two synsets of the slice, by the beginning of their ids. */
const [DOG, TRUTH] = ['8944d028', 'f82b4573'] as const;

async function setUp(terminal: Terminal): Promise<string> {
  terminal.title('1. A knowledge base');
  await terminal.moveTo('laptop');
  terminal.useHome('laptop/home');
  await terminal.valence(['init']);
  await terminal.valence(['import', 'wordnet/beliefs.jsonl.gz', 'wordnet/edges.jsonl.gz']);
  const digest = await terminal.valence(['digest']);
  await terminal.valence(['keys', 'init']);
  terminal.command('mv laptop/home/master.key safe/');
  await rename(join(terminal.folder, 'laptop/home/master.key'), join(terminal.folder, 'safe/master.key'));
  return digest.output.trim();
}

async function backUp(terminal: Terminal): Promise<void> {
  terminal.title('2. Five places, any three of which are enough');
  terminal.say(
    `Here they are five folders on one disk; in earnest they are five disks or shares in five places. Each of these
    commands prints the configuration; only the last one is shown.`,
  );
  for (const place of PLACES) {
    const add = ['backup', 'config', '--add-backend', place, '--type', 'directory', '--path', place];
    await terminal.valence(add, { quiet: true });
  }
  await terminal.valence(['backup', 'config', '--tier', 'main', '--backends', PLACES.join(','), '--erasure', '3/5']);
  await terminal.valence(['backup', 'run']);
  terminal.say('Nothing has changed since. The second run stores a manifest and nothing else:');
  await terminal.valence(['backup', 'run']);
}

async function damageOneShard(terminal: Terminal): Promise<void> {
  terminal.title('3. One byte');
  terminal.say(`One bit of one shard is flipped at the office. Its size and name stay, so a look at names and sizes does
    not see it; reading does, names the file, and says that nothing is lost: four shards of five are good.`);
  const shard = await firstObject(join(terminal.folder, 'office'), 'shards');
  const path = join(terminal.folder, 'office', shard);
  const offset = await flipOneBit(path);
  console.log(`\n(flipped the lowest bit of byte ${offset} of ./office/${shard})`);
  await terminal.valence(['backup', 'verify']);
  const found = await terminal.valence(['backup', 'verify', '--data'], { expect: 3 });
  if (!found.output.includes(shard)) throw new Error('verify did not name the damaged shard');
  await flipOneBit(path);
  terminal.say(`The bit is put back, because of what comes next: 3/5 bears the loss of two shards of a stripe. Two lost
    places are two shards of every stripe; a bad shard in a third would be one too many. What a third place can still bear
    then is damage to what every place holds whole: index, keys, manifests.`);
}

async function loseAlmostEverything(terminal: Terminal): Promise<void> {
  terminal.title('4. Two places burn down, and a third is damaged');
  for (const place of PLACES.slice(0, 2)) {
    terminal.command(`rm -r ${place}`);
    await rm(join(terminal.folder, place), { recursive: true });
  }
  const segment = await firstObject(join(terminal.folder, 'office'), 'index');
  const offset = await flipOneBit(join(terminal.folder, 'office', segment));
  console.log(`\n(flipped the lowest bit of byte ${offset} of ./office/${segment})`);
  const found = await terminal.valence(['backup', 'verify', '--data'], { expect: 3 });
  if (!found.output.includes(segment)) throw new Error('verify did not name the damaged index segment');
  terminal.say('And the machine is gone, with its database and host.key:');
  terminal.command('rm -r laptop');
  await rm(join(terminal.folder, 'laptop'), { recursive: true });
}

async function restore(terminal: Terminal): Promise<string> {
  terminal.title('5. New hardware');
  terminal.say('There is no home here and no database: only three locations, master.key and its passphrase.');
  await terminal.moveTo('new-machine');
  const from = LEFT.flatMap((place) => ['--from', place]);
  await terminal.valence(['backup', 'restore', ...from, '--to', 'new-machine/home', '--key-file', 'safe/master.key']);
  terminal.useHome('new-machine/home');
  const digest = await terminal.valence(['digest']);
  return digest.output.trim();
}

async function ask(terminal: Terminal): Promise<void> {
  terminal.title('6. A question to what was restored: how does one get from dog to truth?');
  await terminal.valence(['graph', 'path', DOG, TRUTH]);
}

async function tellTheStory(terminal: Terminal): Promise<void> {
  const before = await setUp(terminal);
  await backUp(terminal);
  await damageOneShard(terminal);
  await loseAlmostEverything(terminal);
  const after = await restore(terminal);
  if (after !== before) throw new Error(`the digests differ: ${before} before, ${after} after`);
  terminal.say(
    'The digest covers every column of every table, and is what it was on the lost machine. Nothing is missing.',
  );
  await ask(terminal);
}

const began = performance.now();
const keep = process.argv.includes('--keep');
const interrupted = new AbortController();
process.once('SIGINT', () => interrupted.abort());
process.once('SIGTERM', () => interrupted.abort());
const folder = await mkdtemp(join(await realpath(tmpdir()), 'valence-demo-'));
try {
  await mkdir(join(folder, 'safe'));
  await cp(SLICE, join(folder, 'wordnet'), { recursive: true });
  console.log(`Everything happens in ${folder}, here written as \`.\`; the passphrase is in VALENCE_PASSPHRASE.`);
  await tellTheStory(new Terminal(folder, 'correct horse battery staple', interrupted.signal));
  console.log(`\nDemo passed in ${Math.round((performance.now() - began) / 1000)} s.`);
} catch (error) {
  console.error(`\nDemo failed: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = interrupted.signal.aborted ? 130 : 1;
} finally {
  if (keep) console.log(`The folders stay: ${folder}`);
  else await rm(folder, { recursive: true, force: true });
}
