import type { Valence } from '../../../src/app.ts';
import { sourceId } from '../../../src/graph/records/derived-ids.ts';
import { drawFrom } from './random-world.ts';
import type { World, WorldBelief, WorldEdge } from './world.ts';

/** Makes some changes in the world, as its owner would, and gives what it is then. */
export async function changeWorld(world: World, valence: Valence): Promise<World> {
  const draw = drawFrom(`changes of ${world.beliefs[0]!.id}`);
  const edges: WorldEdge[] = [];
  for (const edge of world.edges) {
    const retire = edge.retired_at === null && draw.chance(0.1);
    edges.push(retire ? { ...edge, retired_at: (await valence.graph.retireEdge(edge.id)).retired_at } : edge);
  }
  for (const island of world.islands) {
    const [source, target] = [draw.pick(island), draw.pick(island)];
    const isThere = edges.some(
      (edge) => edge.source === source && edge.target === target && edge.edge_type === 'supports',
    );
    if (source === target || isThere) continue;
    const { id, created_at } = await valence.graph.addEdge({ source, target, edge_type: 'supports', weight: 0.5 });
    edges.push({
      ...{ id, source, target, edge_type: 'supports', weight: 0.5, created_at },
      ...{ valid_from: null, valid_until: null, retired_at: null },
    });
  }
  const beliefs: WorldBelief[] = [];
  for (const belief of world.beliefs) {
    const retire = belief.status !== 'archived' && draw.chance(0.1);
    beliefs.push(retire ? await retired(belief, valence) : belief);
  }
  const [first, ...others] = world.sources;
  const { retired_at } = await valence.source.retire(sourceId('book', first!.source_id));
  return { ...world, beliefs, edges, sources: [{ ...first!, retired_at }, ...others] };
}

async function retired(belief: WorldBelief, valence: Valence): Promise<WorldBelief> {
  const { status, updated_at } = await valence.belief.retire(belief.id);
  const { content, confidence, valid_from, valid_until } = belief;
  const was = { content, confidence, status: belief.status, valid_from, valid_until };
  const version = { ...was, recorded_at: belief.updated_at, replaced_at: updated_at };
  return { ...belief, status, updated_at, versions: [...belief.versions, version] };
}
