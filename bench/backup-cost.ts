import type { SnapshotRecord } from '../src/index.ts';
import { contentsOf, foldersOf, grownSince } from './bench-vault.ts';
import { median, spreadOf } from './figures.ts';
import type { Figures } from './figures.ts';
import type { Cost } from './rival.ts';
import { valence } from './timed.ts';

/** One backup of ours, from the command line. */
export interface OurCost extends Cost {
  readonly newBytes: number;
  readonly peakMebibytes: number;
  /** Read back from the folders. */
  readonly readBytes: number;
  readonly snapshot: SnapshotRecord;
}

export async function backUp(home: string): Promise<OurCost> {
  const folders = foldersOf(home);
  const before = await contentsOf(folders);
  const { output, ...use } = await valence(['backup', 'run', '--home', home], { folder: `${home}/d` });
  const { bytes, objects } = grownSince(before, await contentsOf(folders));
  const snapshot = output
    .split('\n')
    .map((line) => JSON.parse(line) as SnapshotRecord)
    .find(({ type }) => type === 'snapshot')!;
  return { ...use, snapshot, newBytes: snapshot.newBytes, storedBytes: bytes, objects };
}

type Figure = 'seconds' | 'newBytes' | 'storedBytes' | 'objects';

/** A figure that the tool does not give is left out. */
export function costMedians(costs: readonly Cost[]): Readonly<Partial<Record<Figure, number>>> {
  const newBytes = costs.flatMap((cost) => cost.newBytes ?? []);
  return {
    seconds: median(costs.map(({ seconds }) => seconds)),
    ...(newBytes.length === 0 ? {} : { newBytes: median(newBytes) }),
    storedBytes: median(costs.map(({ storedBytes }) => storedBytes)),
    objects: median(costs.map(({ objects }) => objects)),
  };
}

/** Medians, and the greatest where runs differ: folding makes some of them write more. */
export function costFigures(costs: readonly Cost[]): Figures {
  return {
    ...spreadOf(costs.map(({ seconds }) => seconds)),
    ...counted(
      'newBytes',
      costs.flatMap((cost) => cost.newBytes ?? []),
    ),
    ...counted(
      'storedBytes',
      costs.map(({ storedBytes }) => storedBytes),
    ),
    ...counted(
      'objects',
      costs.map(({ objects }) => objects),
    ),
  };
}

/** Of ours also the memory above that of an idle process, what was read back, and whether all rows were read. */
export function ourFigures(costs: readonly OurCost[], idleMebibytes: number): Figures {
  return {
    ...costFigures(costs),
    overIdleMebibytes: Math.round(Math.max(...costs.map(({ peakMebibytes }) => peakMebibytes)) - idleMebibytes),
    ...counted(
      'readBytes',
      costs.map(({ readBytes }) => readBytes),
    ),
    scan: [...new Set(costs.map(({ snapshot }) => snapshot.scan))].join(' or '),
  };
}

function counted(name: string, values: readonly number[]): Figures {
  if (values.length === 0) return {};
  const most = Math.max(...values);
  const middle = median(values);
  return most === middle ? { [name]: middle } : { [name]: middle, [`${name}Max`]: most };
}
