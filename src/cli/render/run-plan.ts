import type { BackendPlan, RunPlan } from '../../app/backup-calls.ts';
import { formatBytes, formatCount, formatDuration, table } from '../figures.ts';

export const RUN_PLAN_JSON =
  '{"type":"run-plan","tier","scan":"everything"|"changes","newBytes","backends":[{"name","location","objects","bytes","cost":{"currency","now","perMonth"} or null,"seconds" or null,"timeFrom":"limits"|"measured" or null}],"notes":[…]}';

/** What a run would do to each backend. */
export function describeRunPlan({ tier, scan, newBytes, backends, notes }: RunPlan): string {
  const read = scan === 'everything' ? 'every row read' : 'only changes read';
  const rows = backends.map((plan) => [
    plan.name,
    formatCount(plan.objects),
    formatBytes(plan.bytes),
    money(plan, 'now'),
    money(plan, 'perMonth'),
    plan.seconds === null ? 'not measured yet' : `about ${formatDuration(plan.seconds)}`,
  ]);
  return [
    `${tier}  would add ${formatBytes(newBytes)} before coding; ${read}, nothing written (--dry-run)`,
    ...table([['BACKEND', 'OBJECTS', 'BYTES', 'COST', 'PER MONTH', 'TIME'], ...rows])
      .split('\n')
      .map((row) => `  ${row}`),
    ...notes.map((note) => `  ${note}`),
  ].join('\n');
}

/** Rough, and mostly far below a cent: then that it is, rather than a row of noughts. */
export function money({ cost }: Pick<BackendPlan, 'cost'>, when: 'now' | 'perMonth'): string {
  if (cost === null) return 'unknown';
  const amount = cost[when];
  if (amount === 0) return 'free';
  return amount < 0.005 ? `< 0.01 ${cost.currency}` : `${amount.toFixed(2)} ${cost.currency}`;
}
