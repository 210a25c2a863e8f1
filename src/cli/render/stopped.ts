/** What can end a query before it has seen everything. */
type Limit = 'hops' | 'beliefs' | 'edges' | 'time';

const REASONS: Readonly<Record<Limit, string>> = {
  hops: 'stopped at the limit of hops; --max-hops allows more',
  beliefs: 'stopped at the limit of beliefs; --max-beliefs allows more',
  edges: 'stopped at the limit of edges; --max-edges allows more',
  time: 'stopped at the limit of time; --timeout allows more',
};

/** Why an answer is not all there is; no line where it is. */
export function stoppedLines(stopped: Limit | null): readonly string[] {
  return stopped === null ? [] : [REASONS[stopped]];
}
