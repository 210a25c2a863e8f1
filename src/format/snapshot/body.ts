import { toHex } from '../../core/bytes.ts';
import { uuidBytes, uuidText } from '../../core/ids.ts';
import { TREE_LEVEL_MAX } from '../../core/limits.ts';
import { ValenceError } from '../../core/errors.ts';
import type { Reference } from '../tree/chunk.ts';
import type { TreeSummary } from '../tree/content-id.ts';
import { encodeJson, JsonFields } from './json-fields.ts';

/** What only the recipients may know: the roots of all trees with their keys. FORMAT.md §8.4. */

export interface ManifestBody {
  readonly contentRoot: Uint8Array;
  readonly schemaVersion: number;
  readonly trees: readonly RootedTree[];
  /** The configuration as YAML, without secrets. */
  readonly configuration: string;
}

export interface RootedTree {
  readonly summary: TreeSummary;
  readonly root: Reference;
}

const NO_MODEL = Buffer.alloc(16);
/** Both stand in one byte of a chunk's label. */
const U8_MAX = 255;

export function encodeManifestBody(body: ManifestBody): Uint8Array {
  return encodeJson({
    contentRoot: toHex(body.contentRoot),
    schemaVersion: body.schemaVersion,
    trees: body.trees.map(({ summary, root }) => ({
      code: summary.code,
      rowVersion: summary.rowVersion,
      level: summary.level,
      model: NO_MODEL.equals(summary.modelId) ? null : uuidText(summary.modelId),
      contentId: toHex(summary.contentId),
      rows: summary.rows,
      bytes: summary.bytes,
      name: toHex(root.name),
      key: toHex(root.key),
    })),
    configuration: body.configuration,
  });
}

/** @throws `format/malformed` */
export function decodeManifestBody(bytes: Uint8Array): ManifestBody {
  const fields = JsonFields.parse(bytes, 'snapshot body');
  return {
    contentRoot: fields.digest('contentRoot'),
    schemaVersion: fields.count('schemaVersion'),
    trees: fields.objects('trees').map(readTree),
    configuration: fields.text('configuration'),
  };
}

function readTree(fields: JsonFields): RootedTree {
  const model = fields.uuidOrNull('model');
  const level = fields.count('level');
  if (level > TREE_LEVEL_MAX)
    throw new ValenceError('format/malformed', `malformed snapshot body: a tree of ${level} levels`);
  const [code, rowVersion] = [fields.count('code'), fields.count('rowVersion')];
  if (code > U8_MAX || rowVersion > U8_MAX)
    throw new ValenceError('format/malformed', 'malformed snapshot body: impossible tree or row version');
  const summary = {
    code,
    rowVersion,
    level,
    modelId: model === null ? NO_MODEL : uuidBytes(model),
    contentId: fields.digest('contentId'),
    rows: fields.count('rows'),
    bytes: fields.count('bytes'),
  };
  return { summary, root: { name: fields.digest('name'), key: fields.digest('key') } };
}
