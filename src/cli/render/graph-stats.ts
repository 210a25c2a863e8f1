import type { GraphStats } from '../../app/graph-calls.ts';
import { formatBytes, formatCount, plural, table } from '../figures.ts';
import { beliefLine } from './belief.ts';

export function describeStats(stats: GraphStats): string {
  const { beliefs, edges, degrees, components, sources, domains } = stats;
  const { active, superseded, disputed, archived } = beliefs;
  return [
    table([
      ['beliefs', formatCount(beliefs.total), counted({ active, superseded, disputed, archived })],
      [
        '',
        '',
        `${formatCount(beliefs.without_source)} without a source, ${formatCount(beliefs.isolated)} without an edge`,
      ],
      ['edges', formatCount(edges.live), edgeTypes(stats)],
      [
        'degree',
        degrees.mean.toFixed(2),
        `mean; median ${degrees.median}, p95 ${degrees.p95}, max ${formatCount(degrees.max)}`,
      ],
      ['components', formatCount(components.total), `the largest of ${plural(components.largest, 'belief')}`],
      [
        'sources',
        formatCount(sources.total),
        sources.retired === 0 ? '' : `${formatCount(sources.retired)} of them retired`,
      ],
      [
        'domains',
        formatCount(domains.total),
        domains.top.map((top) => `${top.domain} ${formatCount(top.beliefs)}`).join(', '),
      ],
      ...stats.embeddings.map((model, index) => [
        index === 0 ? 'embeddings' : '',
        formatCount(model.beliefs),
        `${model.model}, ${formatCount(model.dimensions)} dimensions`,
      ]),
    ]),
    ...section('HUBS', hubRows(stats)),
    ...section(
      'TABLES',
      stats.tables.map(({ table: name, bytes }) => [name, formatBytes(bytes)]),
    ),
  ].join('\n');
}

function edgeTypes({ edges }: GraphStats): string {
  const live = counted(Object.fromEntries(edges.types.map((figures) => [figures.edge_type, figures.live])));
  return edges.retired === 0 ? live : `${live}${live === '' ? '' : '; '}besides ${formatCount(edges.retired)} retired`;
}

function hubRows({ hubs }: GraphStats): readonly (readonly string[])[] {
  return hubs.map(({ belief, outgoing, incoming }) => [
    `${formatCount(outgoing)} out`,
    `${formatCount(incoming)} in`,
    beliefLine(belief),
  ]);
}

/** Those that there are. */
function counted(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${formatCount(count)} ${name}`)
    .join(', ');
}

function section(title: string, rows: readonly (readonly string[])[]): readonly string[] {
  return rows.length === 0 ? [] : ['', title, table(rows)];
}
