import { cypher } from './cypher.ts';
import { dot } from './dot.ts';
import type { DrawOptions } from './draw.ts';
import type { GraphFormat } from './format-names.ts';
import type { GraphPart } from './graph-part.ts';
import { graphml } from './graphml.ts';
import { nodeLinkJson } from './node-link.ts';

/**
 * A part of the graph in a format of other tools, as lines without line feeds, in an order that depends on nothing but
 * what the part holds. Only `svg` can fail. @throws `graph/refused` where the part is too large to draw
 */
export async function* graphLines(
  part: GraphPart,
  format: GraphFormat,
  options: DrawOptions = {},
): AsyncGenerator<string, void, undefined> {
  switch (format) {
    case 'json':
      return yield* nodeLinkJson(part);
    case 'graphml':
      return yield* graphml(part);
    case 'dot':
      return yield* dot(part);
    case 'cypher':
      return yield* cypher(part);
    case 'svg': {
      const { svg } = await import('./draw.ts');
      return yield* (await svg(part, options)).trimEnd().split('\n');
    }
  }
}
