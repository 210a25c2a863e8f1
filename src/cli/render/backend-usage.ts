import type { BackendUsage } from '../../app/backup-calls.ts';
import { formatBytes, formatCount, table } from '../figures.ts';
import { money } from './run-plan.ts';

export const BACKEND_USAGE_JSON =
  '{"type":"backend-usage","backend","calls","errors","bytesUp","bytesDown","cost":{"currency","now","perMonth"} or null}, with --usage';

/** What a run asked each backend for. */
export function describeUsage(usage: readonly BackendUsage[]): string {
  const rows = usage.map((each) => [
    each.backend,
    formatCount(each.calls),
    formatCount(each.errors),
    formatBytes(each.bytesUp),
    formatBytes(each.bytesDown),
    money(each, 'now'),
    money(each, 'perMonth'),
  ]);
  return table([['BACKEND', 'CALLS', 'FAILED', 'UP', 'DOWN', 'COST', 'PER MONTH'], ...rows]);
}
