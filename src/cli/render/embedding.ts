import type { EmbedReport, ModelRecord } from '../../app/embed-calls.ts';
import { formatCount, plural, table } from '../figures.ts';
import { oneLine } from '../printable.ts';

const REASON_CHARACTERS = 160;

export function describeEmbedding(report: EmbedReport): string {
  const { model, host, dimensions, dryRun, embedded, cut, failed, failures, missing } = report;
  const length = dimensions === null ? '' : ` (${dimensions} dimensions)`;
  const done = dryRun ? 'would embed' : 'embedded';
  const others = failed - failures.length;
  return [
    `${done} ${plural(embedded, 'belief')} with ${model}${length} at ${host}`,
    ...(cut > 0 ? [`${formatCount(cut)} of them longer than max-chars, and cut there`] : []),
    ...(failed > 0 ? [`${formatCount(failed)} not taken:`] : []),
    ...failures.map(({ id, reason }) => `  ${id}  ${oneLine(reason, REASON_CHARACTERS)}`),
    ...(others > 0 ? [`  and ${formatCount(others)} more`] : []),
    ...(missing > 0 && !dryRun ? [`${plural(missing, 'belief')} still without`] : []),
  ].join('\n');
}

export function modelTable(models: readonly ModelRecord[]): string {
  return table([
    ['MODEL', 'DIMENSIONS', 'EMBEDDINGS', 'MISSING', 'INDEX', 'ENDPOINT'],
    ...models.map(({ name, dimensions, embeddings, missing, indexed, host }) => [
      oneLine(name, 60),
      dimensions === null ? '-' : String(dimensions),
      formatCount(embeddings),
      formatCount(missing),
      indexed ? 'yes' : 'no',
      host ?? '-',
    ]),
  ]);
}
