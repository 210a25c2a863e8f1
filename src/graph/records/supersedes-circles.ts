/** An edge `source` supersedes `target`. */
export interface Superseding {
  readonly source: string;
  readonly target: string;
}

/**
 * The edges that lie on a circle, or on a way from one circle to another: what is left when, as long as there is one, an
 * edge from where no edge leads or to where no edge goes on is taken away. Empty when no belief supersedes itself, directly
 * or through others. Linear time.
 */
export function supersedesCircles<E extends Superseding>(edges: readonly E[]): readonly E[] {
  const ahead = trim(
    edges,
    (edge) => edge.source,
    (edge) => edge.target,
  );
  return trim(
    ahead,
    (edge) => edge.target,
    (edge) => edge.source,
  );
}

/** Takes away every edge that cannot be reached from a circle, following edges from `tail` to `head`. */
function trim<E>(edges: readonly E[], tail: (edge: E) => string, head: (edge: E) => string): readonly E[] {
  const arriving = new Map<string, number>();
  const leaving = new Map<string, E[]>();
  for (const edge of edges) {
    arriving.set(head(edge), (arriving.get(head(edge)) ?? 0) + 1);
    const others = leaving.get(tail(edge));
    if (others === undefined) leaving.set(tail(edge), [edge]);
    else others.push(edge);
  }
  const free = [...leaving.keys()].filter((id) => !arriving.has(id));
  for (let id = free.pop(); id !== undefined; id = free.pop()) {
    for (const edge of leaving.get(id) ?? []) {
      const left = arriving.get(head(edge))! - 1;
      arriving.set(head(edge), left);
      if (left === 0) free.push(head(edge));
    }
    leaving.delete(id);
  }
  return [...leaving.values()].flat();
}
