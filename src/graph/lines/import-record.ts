import type { Clock } from '../../core/clock.ts';
import { uuidV7 } from '../../core/ids.ts';
import type { Random } from '../../core/random.ts';
import { edgeId, modelId, sourceId, storedEnds } from '../records/derived-ids.ts';
import { mayLoseDigits, parseExactly } from './exact-json.ts';
import { FieldReader, isJsonObject, UNIT_RANGE } from './field-reader.ts';
import type { JsonObject } from './field-reader.ts';
import type { ColumnValue } from './row-encoder.ts';
import type { StagingTable } from './staging-tables.ts';
import { BELIEF_STATUSES, CONTENT_BYTES_MAX, EDGE_TYPES, VECTOR_LENGTH_MAX } from '../records/vocabulary.ts';

/** A row for a staging table, without its place. */
export type StagedRow = Readonly<Record<string, ColumnValue>>;

/** What one line says. Rows whose keys could be read are there even when the line is bad, so that others may refer to them. */
export interface ImportRecord {
  readonly rows: readonly (readonly [table: StagingTable, row: StagedRow])[];
  readonly problems: readonly string[];
}

export interface RecordContext {
  readonly clock: Clock;
  readonly random: Random;
  /** Whose vectors the field `embedding` has. */
  readonly model: string | null;
  /** Length of each model's vectors, by name. A model met for the first time is added. */
  readonly models: Map<string, number>;
}

/** Two of them fit one row of a unique index. */
const NAME_BYTES_MAX = 1024;
const TEXT_BYTES_MAX = 1024 * 1024;
const VERSION_MAX = 2_147_483_647;
/** Deepest nesting of a line; far below what either engine can parse. */
const DEPTH_MAX = 200;

const STATEMENT_FIELDS = [
  'content',
  'confidence',
  'dimensions',
  'domains',
  'status',
  'valid_from',
  'valid_until',
  'metadata',
];
const BELIEF_FIELDS = [
  'id',
  ...STATEMENT_FIELDS,
  'provenance',
  'embedding',
  'embeddings',
  'version',
  'created_at',
  'updated_at',
];
const PROVENANCE_FIELDS = ['source_type', 'source_id', 'metadata', 'created_at'];
const EDGE_FIELDS = [
  'source',
  'target',
  'type',
  'weight',
  'id',
  'valid_from',
  'valid_until',
  'retired_at',
  'metadata',
  'created_at',
];
const SOURCE_FIELDS = ['source_type', 'source_id', 'id', 'title', 'uri', 'metadata', 'created_at', 'retired_at'];
const MODEL_FIELDS = ['model', 'id', 'dimensions', 'metadata', 'created_at'];
const VERSION_FIELDS = ['version_of', 'version', 'was', 'recorded_at', 'replaced_at'];

/** Reads one line (docs/import-format.md). */
export function parseRecord(text: string, context: RecordContext): ImportRecord {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    return bad(`not JSON: ${(error as Error).message}`);
  }
  if (!isJsonObject(parsed)) return bad('not a JSON object');
  if (isDeeper(parsed, DEPTH_MAX)) return bad(`nested deeper than ${DEPTH_MAX}`);
  const object = parsed;
  const exact = (): JsonObject => (mayLoseDigits(text) ? (parseExactly(text) as JsonObject) : object);
  const fields = new FieldReader(object, exact);
  const isBelief = Object.hasOwn(object, 'content');
  const isEdge = Object.hasOwn(object, 'source') && Object.hasOwn(object, 'target');
  if (isBelief && isEdge) return bad('both a belief (it has content) and an edge (it has source and target)');
  if (isBelief) return finish(fields, readBelief(fields, context));
  if (isEdge) return finish(fields, readEdge(fields));
  if (Object.hasOwn(object, 'version_of')) return finish(fields, readVersion(fields));
  if (Object.hasOwn(object, 'source_type')) return finish(fields, readSource(fields));
  if (Object.hasOwn(object, 'model')) return finish(fields, readModel(fields, context));
  return bad('neither a belief (it has no content) nor an edge (it has no source and target)');
}

type Rows = readonly (readonly [StagingTable, StagedRow])[];

function bad(reason: string): ImportRecord {
  return { rows: [], problems: [reason] };
}

function finish(fields: FieldReader, rows: Rows): ImportRecord {
  return { rows, problems: fields.problems };
}

function readBelief(fields: FieldReader, context: RecordContext): Rows {
  fields.only(BELIEF_FIELDS);
  const id = fields.uuid('id') ?? uuidV7(context.clock, context.random);
  const belief: StagedRow = {
    id,
    ...readStatement(fields),
    version: fields.integer('version', 1, VERSION_MAX),
    created_at: fields.timestamp('created_at'),
    updated_at: fields.timestamp('updated_at'),
  };
  return [['beliefs', belief], ...readProvenance(fields, id), ...readEmbeddings(fields, id, context)];
}

function readStatement(fields: FieldReader): StagedRow {
  return {
    content: fields.required('content', fields.filledText('content', CONTENT_BYTES_MAX)),
    confidence: fields.real('confidence', UNIT_RANGE),
    dimensions: fields.jsonText('dimensions'),
    domains: fields.texts('domains', TEXT_BYTES_MAX),
    status: fields.oneOf('status', BELIEF_STATUSES),
    ...readValidity(fields),
    metadata: fields.jsonText('metadata'),
  };
}

function readValidity(fields: FieldReader): {
  readonly valid_from: bigint | null;
  readonly valid_until: bigint | null;
} {
  const from = fields.timestamp('valid_from');
  const until = fields.timestamp('valid_until');
  if (from !== null && until !== null && from >= until) fields.refuse('valid_until', 'is not after valid_from');
  return { valid_from: from, valid_until: until };
}

function readProvenance(fields: FieldReader, beliefId: string): Rows {
  const seen = new Set<string>();
  const rows: [StagingTable, StagedRow][] = [];
  for (const member of fields.members('provenance')) {
    member.only(PROVENANCE_FIELDS);
    const { type, external_id } = readSourceKey(member);
    const row = {
      belief_id: beliefId,
      metadata: member.jsonText('metadata'),
      created_at: member.timestamp('created_at'),
    };
    if (type === null || external_id === null) continue;
    const id = sourceId(type, external_id);
    if (seen.has(id)) member.refuse('source_id', 'names the same source twice');
    else rows.push(['provenance', { ...row, source_id: id, type, external_id }]);
    seen.add(id);
  }
  return rows;
}

function readSourceKey(fields: FieldReader): { readonly type: string | null; readonly external_id: string | null } {
  return {
    type: fields.required('source_type', fields.filledText('source_type', NAME_BYTES_MAX)),
    external_id: fields.required('source_id', fields.filledText('source_id', NAME_BYTES_MAX)),
  };
}

function readEmbeddings(fields: FieldReader, beliefId: string, context: RecordContext): Rows {
  const vectors = new Map<string, readonly number[]>();
  function add(model: string, field: string, vector: readonly number[] | null): void {
    if (vector === null) return;
    if (vectors.has(model)) fields.refuse(field, `is given twice for the model ${shown(model)}`);
    else if (matchesModel(fields, field, { name: model, length: vector.length }, context.models))
      vectors.set(model, vector);
  }
  if (fields.has('embedding')) {
    if (context.model === null) fields.refuse('embedding', 'does not say of which model: name it with --model');
    else add(context.model, 'embedding', fields.vector('embedding'));
  }
  for (const [model, value] of Object.entries(fields.object('embeddings') ?? {})) {
    if (model === '' || Buffer.byteLength(model) > NAME_BYTES_MAX || model.includes('\0') || !model.isWellFormed()) {
      fields.refuse('embeddings', 'has a name that no model can have');
    } else add(model, `embeddings.${shown(model)}`, fields.vector(`embeddings.${shown(model)}`, value));
  }
  return [...vectors].map(([model, embedding]) => ['embeddings', { belief_id: beliefId, model, embedding }]);
}

interface ModelUse {
  readonly name: string;
  readonly length: number;
}

/** Whether the model takes vectors of this length; one met for the first time does, and is remembered. */
function matchesModel(
  fields: FieldReader,
  field: string,
  { name, length }: ModelUse,
  models: Map<string, number>,
): boolean {
  const expected = models.get(name);
  if (expected === length) return true;
  if (expected !== undefined)
    fields.refuse(field, `has ${length} dimensions, the model ${shown(name)} has ${expected}`);
  else if (length > VECTOR_LENGTH_MAX)
    fields.refuse(field, `has ${length} dimensions, at most ${VECTOR_LENGTH_MAX} can be kept`);
  else models.set(name, length);
  return expected === undefined && length <= VECTOR_LENGTH_MAX;
}

function readEdge(fields: FieldReader): Rows {
  fields.only(EDGE_FIELDS);
  const source = fields.required('source', fields.uuid('source'));
  const target = fields.required('target', fields.uuid('target'));
  const type = fields.required('type', fields.oneOf('type', EDGE_TYPES));
  const id = fields.uuid('id');
  const rest: StagedRow = {
    weight: fields.real('weight', UNIT_RANGE),
    ...readValidity(fields),
    retired_at: fields.timestamp('retired_at'),
    metadata: fields.jsonText('metadata'),
    created_at: fields.timestamp('created_at'),
  };
  if (source === null || target === null || type === null) return [];
  if (source === target) fields.refuse('target', 'is the source: an edge joins two beliefs');
  const [storedSource, storedTarget] = storedEnds(source, target, type);
  const ends = { source_id: storedSource, target_id: storedTarget, type };
  return [['edges', { id: id ?? edgeId(storedSource, storedTarget, type), ...ends, ...rest }]];
}

function readSource(fields: FieldReader): Rows {
  fields.only(SOURCE_FIELDS);
  const key = readSourceKey(fields);
  const row: StagedRow = {
    ...key,
    id:
      fields.uuid('id') ?? (key.type !== null && key.external_id !== null ? sourceId(key.type, key.external_id) : null),
    title: fields.text('title', TEXT_BYTES_MAX),
    uri: fields.text('uri', TEXT_BYTES_MAX),
    metadata: fields.jsonText('metadata'),
    created_at: fields.timestamp('created_at'),
    retired_at: fields.timestamp('retired_at'),
  };
  return [['sources', row]];
}

function readModel(fields: FieldReader, context: RecordContext): Rows {
  fields.only(MODEL_FIELDS);
  const name = fields.required('model', fields.filledText('model', NAME_BYTES_MAX));
  const dimensions = fields.required('dimensions', fields.integer('dimensions', 1, VECTOR_LENGTH_MAX));
  const id = fields.uuid('id');
  const rest = { metadata: fields.jsonText('metadata'), created_at: fields.timestamp('created_at') };
  if (name === null || dimensions === null) return [];
  matchesModel(fields, 'dimensions', { name, length: dimensions }, context.models);
  return [['models', { id: id ?? modelId(name), name, dimensions, ...rest }]];
}

function readVersion(fields: FieldReader): Rows {
  fields.only(VERSION_FIELDS);
  const key = {
    belief_id: fields.required('version_of', fields.uuid('version_of')),
    version: fields.required('version', fields.integer('version', 1, VERSION_MAX)),
  };
  const times = {
    recorded_at: fields.required('recorded_at', fields.timestamp('recorded_at')),
    replaced_at: fields.required('replaced_at', fields.timestamp('replaced_at')),
  };
  const was = fields.object('was') === null ? undefined : fields.members('was')[0];
  if (was === undefined) {
    fields.required('was', null);
    return [];
  }
  was.only(STATEMENT_FIELDS);
  return [['versions', { ...key, ...readStatement(was), ...times }]];
}

function shown(name: string): string {
  return JSON.stringify(name.slice(0, 64));
}

function isDeeper(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return depth === 0 || Object.values(value).some((member) => isDeeper(member, depth - 1));
}
