import type { TierCommit, TreePosition } from '../../src/core/ports.ts';
import { MemoryCatalog } from './memory-catalog.ts';

export interface RememberedCommit {
  readonly tier: string;
  readonly commit: TierCommit & { readonly added: readonly TreePosition[] };
}

/** A catalog in memory that can be had again as it was after any of its commits. */
export class RememberingCatalog extends MemoryCatalog {
  readonly commits: RememberedCommit[] = [];
  /** Called before each commit, and when it is done; what it throws, the commit rejects with. */
  onCommit: (moment: 'begins' | 'is done') => void = () => {};

  /** What a host remembers after these commits and no other. */
  static async after(commits: readonly RememberedCommit[]): Promise<RememberingCatalog> {
    const catalog = new RememberingCatalog();
    for (const { tier, commit } of commits) await catalog.commit(tier, commit);
    return catalog;
  }

  override async commit(tier: string, commit: TierCommit): Promise<void> {
    this.onCommit('begins');
    const whole = { ...commit, added: Array.from(commit.added, copied) };
    await super.commit(tier, whole);
    this.commits.push({ tier, commit: whole });
    this.onCommit('is done');
  }
}

function copied(position: TreePosition): TreePosition {
  const { lastKey, contentId, name, key } = position;
  const [copyOfLastKey, copyOfId, copyOfName, copyOfKey] = [lastKey, contentId, name, key].map((bytes) =>
    Buffer.from(bytes),
  );
  return { ...position, lastKey: copyOfLastKey!, contentId: copyOfId!, name: copyOfName!, key: copyOfKey! };
}
