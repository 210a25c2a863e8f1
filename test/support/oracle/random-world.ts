import { EDGE_TYPES, BELIEF_STATUSES } from '../../../src/app/knowledge-calls.ts';
import type { EdgeType } from '../../../src/app/knowledge-calls.ts';
import { storedEnds } from '../../../src/graph/records/derived-ids.ts';
import { seededRandom } from '../seeded-random.ts';
import type { Statement, Validity, World, WorldBelief, WorldEdge, WorldSource } from './world.ts';

/** Moments that everything in a world happens at, so that a time asked for often is one of them exactly. */
export const MOMENTS: readonly string[] = Array.from(
  { length: 12 },
  (_, month) => `2020-${String(month + 1).padStart(2, '0')}-01T00:00:00Z`,
);

/** Products of these are exact, so that paths tie exactly; those of the others hardly ever do. */
const EVEN_WEIGHTS = [0, 0.25, 0.5, 0.5, 1, 1];
const ODD_WEIGHTS = [0, 0.11, 0.37, 0.59, 0.73, 0.97, 1];
const CONFIDENCES = [0, 0.25, 0.5, 0.5, 0.625, 0.75, 1, 1];
const DOMAINS = ['physics', 'law', 'cooking'];

export interface Draw {
  /** From 0 up to but not at `below`. */
  int(below: number): number;
  chance(probability: number): boolean;
  pick<T>(list: readonly T[]): T;
  /** Some of them, in their order. */
  some<T>(list: readonly T[], probability: number): T[];
  uuid(): string;
}

export function drawFrom(seed: string): Draw {
  const { bytes } = seededRandom(seed);
  const fraction = (): number => Buffer.from(bytes(4)).readUInt32LE() / 2 ** 32;
  const int = (below: number): number => Math.floor(fraction() * below);
  return {
    int,
    chance: (probability) => fraction() < probability,
    pick: (list) => list[int(list.length)]!,
    some: (list, probability) => list.filter(() => fraction() < probability),
    uuid: () =>
      Buffer.from(bytes(16))
        .toString('hex')
        .replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12})$/, '$1-$2-7$3-8$4-$5'),
  };
}

interface Shape {
  readonly beliefs: number;
  /** Which pairs are joined, by number. */
  readonly pairs: readonly (readonly [number, number])[];
}

/** A world of small graphs of many shapes, each with everything that edges and beliefs may have. */
export function randomWorld(seed: string, islandCount = 24): World {
  const draw = drawFrom(seed);
  const sources = Array.from({ length: 8 }, (_, index): WorldSource => ({
    source_id: `source ${index}`,
    retired_at: index % 3 === 0 ? draw.pick(MOMENTS) : null,
  }));
  const beliefs: WorldBelief[] = [];
  const edges: WorldEdge[] = [];
  const islands: string[][] = [];
  for (let island = 0; island < islandCount; island += 1) {
    const shape = randomShape(draw, island);
    const ids = Array.from({ length: shape.beliefs }, () => draw.uuid());
    const joined = randomEdges(draw, ids, shape);
    const superseded = new Set(joined.filter(isLiveSupersedes).map(({ target }) => target));
    beliefs.push(...ids.map((id) => randomBelief(draw, { id, sources, isSuperseded: superseded.has(id) })));
    edges.push(...joined);
    islands.push(ids);
  }
  return { beliefs, edges, sources, islands };
}

function isLiveSupersedes({ edge_type: type, retired_at: retired }: WorldEdge): boolean {
  return type === 'supersedes' && retired === null;
}

function randomShape(draw: Draw, island: number): Shape {
  const kind = (['dense', 'sparse', 'ring', 'hub', 'chain', 'lone'] as const)[island % 6]!;
  const beliefs = kind === 'lone' ? 1 : kind === 'dense' ? 4 + draw.int(4) : 4 + draw.int(6);
  const others = Array.from({ length: beliefs - 1 }, (_, index) => index + 1);
  const random = (count: number): [number, number][] =>
    beliefs === 1 ? [] : Array.from({ length: count }, () => [draw.int(beliefs), draw.int(beliefs)]);
  const pairs: [number, number][] =
    kind === 'hub'
      ? [...others.map((other): [number, number] => (draw.chance(0.5) ? [0, other] : [other, 0])), ...random(2)]
      : kind === 'chain' || kind === 'ring'
        ? [
            ...others.map((other): [number, number] => [other - 1, other]),
            ...(kind === 'ring' ? [[beliefs - 1, 0] as [number, number]] : []),
            ...random(1),
          ]
        : random(kind === 'dense' ? 3 * beliefs : beliefs);
  return { beliefs, pairs: pairs.filter(([one, other]) => one !== other) };
}

function randomEdges(draw: Draw, ids: readonly string[], { pairs }: Shape): WorldEdge[] {
  const weights = draw.chance(0.6) ? EVEN_WEIGHTS : ODD_WEIGHTS;
  // Some graphs have one type for the most part: long chains of support, rings of derivation.
  const favourite = draw.chance(0.5) ? draw.pick(EDGE_TYPES) : null;
  const taken = new Set<string>();
  const edges: WorldEdge[] = [];
  const join = (from: number, to: number, edge_type: EdgeType): void => {
    // Supersession must not lead in a circle.
    const [one, other] = edge_type === 'supersedes' && from > to ? [to, from] : [from, to];
    const [source, target] = storedEnds(ids[one]!, ids[other]!, edge_type);
    const retired = draw.chance(0.12);
    const key = `${source} ${target} ${edge_type}`;
    if (!retired && taken.has(key)) return;
    if (!retired) taken.add(key);
    const created = draw.int(9);
    edges.push({
      id: draw.uuid(),
      source,
      target,
      edge_type,
      weight: draw.pick(weights),
      ...randomValidity(draw, 0.15),
      created_at: MOMENTS[created]!,
      retired_at: retired ? MOMENTS[created + 1 + draw.int(MOMENTS.length - created - 1)]! : null,
    });
  };
  for (const [from, to] of pairs) {
    join(from, to, favourite !== null && draw.chance(0.7) ? favourite : draw.pick(EDGE_TYPES));
    if (draw.chance(0.25)) join(from, to, draw.pick(EDGE_TYPES));
    if (draw.chance(0.15)) join(to, from, draw.pick(EDGE_TYPES));
  }
  return edges;
}

function randomValidity(draw: Draw, probability: number): Validity {
  const [from, until] = [draw.int(MOMENTS.length - 1), draw.int(MOMENTS.length)];
  return {
    valid_from: draw.chance(probability) ? MOMENTS[from]! : null,
    valid_until: draw.chance(probability) ? MOMENTS[Math.max(from + 1, until)]! : null,
  };
}

function randomStatement(draw: Draw, status: Statement['status']): Statement {
  return {
    content: `statement ${draw.int(1000)}`,
    confidence: draw.pick(CONFIDENCES),
    status,
    ...randomValidity(draw, 0.12),
  };
}

interface BeliefPlan {
  readonly id: string;
  readonly sources: readonly WorldSource[];
  readonly isSuperseded: boolean;
}

function randomBelief(draw: Draw, { id, sources, isSuperseded }: BeliefPlan): WorldBelief {
  const drawn = draw.chance(0.7) ? 'active' : draw.pick(BELIEF_STATUSES);
  const status = drawn === 'active' && isSuperseded ? 'superseded' : drawn;
  // When it was recorded, and each time it changed since.
  const changes = [
    draw.int(4),
    ...(draw.chance(0.4) ? [4 + draw.int(3)] : []),
    ...(draw.chance(0.3) ? [7 + draw.int(4)] : []),
  ];
  const versions = changes.slice(0, -1).map((moment, index) => ({
    ...randomStatement(draw, draw.chance(0.7) ? 'active' : draw.pick(BELIEF_STATUSES)),
    recorded_at: MOMENTS[moment]!,
    replaced_at: MOMENTS[changes[index + 1]!]!,
  }));
  return {
    id,
    ...randomStatement(draw, status),
    domains: draw.some(DOMAINS, 0.3),
    created_at: MOMENTS[changes[0]!]!,
    updated_at: MOMENTS[changes.at(-1)!]!,
    sources: draw.some(sources, 0.12).map(({ source_id: source }) => source),
    versions,
  };
}

/** The world as lines that `import` reads. */
export function worldLines({ beliefs, edges, sources }: World): object[] {
  return [
    ...sources.map((source) => given({ source_type: 'book', ...source, created_at: MOMENTS[0]! })),
    ...beliefs.flatMap(({ versions, sources: from, ...belief }) => [
      given({
        ...belief,
        version: versions.length + 1,
        provenance: from.map((source) => ({ source_type: 'book', source_id: source })),
      }),
      ...versions.map(({ recorded_at, replaced_at, ...was }, index) => ({
        version_of: belief.id,
        version: index + 1,
        was: given({ ...was }),
        recorded_at,
        replaced_at,
      })),
    ]),
    ...edges.map(({ edge_type: type, ...edge }) => given({ ...edge, type })),
  ];
}

function given(fields: Readonly<Record<string, unknown>>): object {
  const isGiven = ([, value]: [string, unknown]): boolean =>
    value !== null && !(Array.isArray(value) && value.length === 0);
  return Object.fromEntries(Object.entries(fields).filter(isGiven));
}
