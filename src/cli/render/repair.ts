import type { RepairRecord } from '../../app/backup-calls.ts';
import { formatBytes, plural } from '../figures.ts';

export const REPAIR_JSON =
  '{"type":"repair","tier","dryRun","snapshots","stripes","repaired","recoded","shards","bytesRead","storedBytes","lacking","archived","lost":[{"what","reason","missing":[…]}],"survives","promised","replaced":true|false|null,"notes":[…],"status":"ok|degraded|lost"}';

/** Of each lost stripe so many missing shards are named; --json names all. */
const MISSING_NAMED_MAX = 5;

/** One tier in a few lines. */
export function describeRepair(record: RepairRecord): string {
  const { stripes, snapshots, bytesRead, storedBytes, lacking, notes, lost } = record;
  const lines = [
    `${record.tier}: ${verdict(record)}`,
    `  looked at ${plural(stripes, 'stripe')} of ${plural(snapshots, 'snapshot')}; read ${formatBytes(bytesRead)}, stored ${formatBytes(storedBytes)}`,
    ...(lacking > 0
      ? [
          `  ${plural(lacking, 'shard')} found no backend: bring one back, or put another in its stead with --replace OLD=NEW`,
        ]
      : []),
    ...lost.flatMap(describeLoss),
    ...notes.map((note) => `  ${note}`),
  ];
  return lines.join('\n');
}

function verdict(record: RepairRecord): string {
  const { dryRun, shards, repaired, recoded, survives, promised, status } = record;
  const verb = dryRun ? 'would place' : 'placed';
  const anew = recoded === 0 ? '' : `, ${plural(recoded, 'stripe')} coded anew`;
  const done =
    shards === 0 ? 'nothing to place' : `${verb} ${plural(shards, 'shard')} of ${plural(repaired, 'stripe')}${anew}`;
  if (status === 'lost') return `${done}; LOST: ${plural(record.lost.length, 'part')} cannot be had from anywhere`;
  const now = `${dryRun ? 'would survive' : 'survives'} the loss of any ${plural(survives, 'failure domain')}`;
  return status === 'ok' ? `${done}; ${now}` : `${done}; DEGRADED: ${now}, of ${promised} promised`;
}

function describeLoss({ what, reason, missing }: RepairRecord['lost'][number]): string[] {
  const more = missing.length - MISSING_NAMED_MAX;
  return [
    `  lost: ${what}: ${reason}`,
    ...missing.slice(0, MISSING_NAMED_MAX).map((each) => `    ${each}`),
    ...(more > 0 ? [`    and ${more} more`] : []),
  ];
}
