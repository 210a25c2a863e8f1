import { layoutNamed } from '../../format/tables.ts';
import type { SubstrateTable } from '../../schema/tables.ts';
import { columnsOf, differing, nameIf, namesOf, SAID, stagedTable, statusOf, verdictTable } from './merge-tables.ts';

/**
 * SQL of the verdicts on everything but edges. A belief is known by its id; a source by type and external id and a model by
 * name, each else by its id; what belongs to a belief by the belief and what it names.
 */
export function verdictQueries(overwrite: boolean): Readonly<Record<Exclude<SubstrateTable, 'belief_edges'>, string>> {
  return {
    beliefs: BELIEFS,
    belief_versions: VERSIONS,
    sources: SOURCES,
    models: MODELS,
    belief_sources: belonging('belief_sources', { to: 'sources', by: 'source_id' }, overwrite),
    belief_embeddings: belonging('belief_embeddings', { to: 'models', by: 'model_id' }, overwrite),
  };
}

const VERDICT = `CASE WHEN l.id IS NULL THEN 'new' WHEN columns = '{}' THEN 'same' ELSE 'differs' END`;

const BELIEF_NAMES = SAID.beliefs.map((column) =>
  column === 'status' ? nameIf(column, `${statusOf('s')} <> ${statusOf('l')}`) : namesOf([column]).join(''),
);

const BELIEFS = `
  SELECT s.n, s.id, ${VERDICT}, columns, NULL, l.seen
  FROM ${stagedTable('beliefs')} AS s
  LEFT JOIN (SELECT *, xmin::text AS seen FROM valence.beliefs) AS l ON l.id = s.id
  CROSS JOIN LATERAL (SELECT ${differing('l.id IS NOT NULL', BELIEF_NAMES)} AS columns) AS compared`;

const VERSION_COLUMNS = layoutNamed('belief_versions').columns;

// The history of a belief comes with it. One that is there has a history of its own, whose numbers go on.
const VERSIONS = `
  SELECT s.n, s.belief_id, CASE WHEN b.verdict = 'new' THEN 'new'
      WHEN (${columnsOf('s', VERSION_COLUMNS)}) IS NOT DISTINCT FROM (${columnsOf('l', VERSION_COLUMNS)}) THEN 'same'
      ELSE 'left' END, '{}', NULL, NULL
  FROM ${stagedTable('belief_versions')} AS s ${joinJudged('beliefs', 'b', 's.belief_id')}
  LEFT JOIN valence.belief_versions AS l ON l.belief_id = s.belief_id AND l.version = s.version`;

const SOURCES = `
  SELECT s.n, CASE WHEN taken THEN NULL ELSE coalesce(l.id, s.id) END, CASE WHEN taken THEN 'barred' ELSE ${VERDICT} END,
    CASE WHEN taken THEN '{type,external_id}' ELSE columns END,
    CASE WHEN taken THEN 'another source has this id here' END, l.seen
  FROM ${stagedTable('sources')} AS s ${joinKnown('sources', ['type', 'external_id'])}`;

const MODELS = `
  SELECT s.n, CASE WHEN taken OR unfit THEN NULL ELSE coalesce(l.id, s.id) END,
    CASE WHEN taken OR unfit THEN 'barred' ELSE ${VERDICT} END,
    CASE WHEN taken THEN '{name}' WHEN unfit THEN array_prepend('dimensions', columns) ELSE columns END,
    CASE WHEN taken THEN 'another model has this id here'
      WHEN unfit THEN 'the model ' || l.name || ' has ' || l.dimensions || ' dimensions here, ' || s.dimensions || ' in the snapshot' END,
    l.seen
  FROM ${stagedTable('models')} AS s ${joinKnown('models', ['name'])}
  CROSS JOIN LATERAL (SELECT l.dimensions IS DISTINCT FROM s.dimensions AND l.id IS NOT NULL AS unfit) AS measured`;

/**
 * Joins the row `l` that has the same key, or else the same id unless another row that waits has its key; `columns` that
 * differ; and `taken`: there is no such row, and its id is another's.
 */
function joinKnown(table: 'sources' | 'models', key: readonly string[]): string {
  const [staged, live] = [stagedTable(table), `valence.${table}`];
  const same = (a: string, b: string): string => `(${columnsOf(a, key)}) = (${columnsOf(b, key)})`;
  return `
    LEFT JOIN LATERAL (
      SELECT l.*, l.xmin::text AS seen FROM ${live} AS l WHERE ${same('l', 's')}
      UNION ALL
      SELECT l.*, l.xmin::text AS seen FROM ${live} AS l
      WHERE l.id = s.id AND NOT EXISTS (SELECT FROM ${live} AS k WHERE ${same('k', 's')})
        AND NOT EXISTS (SELECT FROM ${staged} AS o WHERE ${same('o', 'l')})
    ) AS l ON true
    CROSS JOIN LATERAL (
      SELECT l.id IS NULL AND EXISTS (SELECT FROM ${live} AS o WHERE o.id = s.id) AS taken,
        ${differing('l.id IS NOT NULL', namesOf(SAID[table]))} AS columns
    ) AS compared`;
}

/** Joins the row that waits with this id, and its verdict. */
function joinJudged(table: SubstrateTable, alias: string, id: string): string {
  return `
    LEFT JOIN (
      SELECT s.id, v.verdict, v.columns, v.live_id FROM ${stagedTable(table)} AS s JOIN ${verdictTable(table)} AS v USING (n)
    ) AS ${alias} ON ${alias}.id = ${id}`;
}

/** Rows that tie a belief to something else come only to a belief that will have the content they were made for. */
function belonging(
  table: 'belief_sources' | 'belief_embeddings',
  { to, by }: { readonly to: 'sources' | 'models'; readonly by: string },
  overwrite: boolean,
): string {
  const otherContent = overwrite ? 'false' : `'content' = ANY (b.columns)`;
  return `
    SELECT s.n, o.live_id, CASE WHEN o.live_id IS NULL OR b.id IS NULL THEN 'left' WHEN l.belief_id IS NULL AND ${otherContent} THEN 'left'
        WHEN l.belief_id IS NULL THEN 'new' WHEN compared.columns = '{}' THEN 'same' ELSE 'differs' END,
      compared.columns, NULL, l.seen
    FROM ${stagedTable(table)} AS s ${joinJudged('beliefs', 'b', 's.belief_id')} ${joinJudged(to, 'o', `s.${by}`)}
    LEFT JOIN (SELECT *, xmin::text AS seen FROM valence.${table}) AS l ON l.belief_id = s.belief_id AND l.${by} = o.live_id
    CROSS JOIN LATERAL (SELECT ${differing('l.belief_id IS NOT NULL', namesOf(SAID[table]))} AS columns) AS compared`;
}
