/** The part of the library behind `valence backup repair`. */

export interface RepairOptions {
  /** Left out: every configured tier; with `replace` every one that has the old backend. */
  readonly tier?: string | undefined;
  /** Read and check every byte, instead of the presence and size of every object. */
  readonly data: boolean;
  /** Say what would be done, and store nothing. */
  readonly dryRun: boolean;
  /** Wait, for hours, for shards that lie in an archive; else what needs them is asked for and left to the next repair. */
  readonly wait?: boolean | undefined;
  /** Names of configured backends. The tier has the new one in place of the old one once everything lies there. */
  readonly replace?: { readonly old: string; readonly new: string } | undefined;
}

export type RepairStatus = 'ok' | 'degraded' | 'lost';

export interface RepairRecord {
  readonly type: 'repair';
  readonly tier: string;
  readonly dryRun: boolean;
  readonly snapshots: number;
  readonly stripes: number;
  /** Stripes that got shards. */
  readonly repaired: number;
  /** Those among them that were coded anew, because the tier has another profile now. */
  readonly recoded: number;
  /** Shards stored. */
  readonly shards: number;
  readonly bytesRead: number;
  /** On all backends together. */
  readonly storedBytes: number;
  /** Shards for which no backend was left. */
  readonly lacking: number;
  /** Stripes that can be repaired only from an archive; their shards were asked for. */
  readonly archived: number;
  readonly lost: readonly RepairLoss[];
  /** How many failure domains may be lost now, whichever they are; −1: something is lost already. */
  readonly survives: number;
  /** What the tier promises. */
  readonly promised: number;
  /** Whether the old backend has left the tier; `null` where none was to. */
  readonly replaced: boolean | null;
  /** One sentence for each thing the user should know. */
  readonly notes: readonly string[];
  /** `degraded`: everything can be restored, and less than the promise holds. */
  readonly status: RepairStatus;
}

export interface RepairLoss {
  /** Id of a stripe, or the name of a manifest that cannot be had, itself or its index. */
  readonly what: string;
  readonly reason: string;
  /** What would have to come back, one text each. */
  readonly missing: readonly string[];
}
