import type { BackendValues } from '../config/config-file.ts';
import type { TierProfile } from '../config/schema.ts';
import type { DiffEvent, DiffOptions } from './diff-calls.ts';
import type { LinesWritten, MergeDone, MergePlanned, PartOptions, PartPlan } from './partial-restore-calls.ts';
import type { RepairOptions, RepairRecord } from './repair-calls.ts';
import type { VaultId } from './vault-calls.ts';

export type { BackendValues, TierProfile };
export type * from './partial-restore-calls.ts';
export type * from './repair-calls.ts';

/**
 * The backup half of the library: what `valence backup …` calls. Interfaces only; `backup.ts` implements them.
 * Every call may reject with `cancelled` once the signal given to `openValence` is aborted, and with the codes named.
 */
export interface BackupCalls {
  /** Applies `edit` to `valence.yaml` (nothing when it is `null`) and gives the result. @throws `config/invalid` */
  config(edit: ConfigurationEdit | null): Promise<ConfigurationView>;
  /**
   * Snapshots of one tier, or of every tier from one database snapshot. Yields those that were committed, and then rejects
   * if one could not be; a tier that keeps less than its promise is yielded with `degraded`.
   * @throws `config/no-keys`, `backend/*`, `database/*`, `integrity/chain-broken`, `integrity/change-log`
   */
  run(options: RunOptions): AsyncIterable<SnapshotRecord>;
  /**
   * What `run` would do, and what it would cost, one plan a tier: reads what a run reads, and writes nothing anywhere.
   * @throws as `run`
   */
  plan(options: RunOptions): AsyncIterable<RunPlan>;
  /**
   * Oldest first within a tier, tiers by name. Reads `from` instead of the configured backends when it is not empty.
   * @throws `usage/invalid` for a tier that is neither configured nor found
   */
  list(options: ReadOptions): AsyncIterable<SnapshotRecord>;
  /** @throws `backend/not-found` when no snapshot's id starts with `id`, `usage/invalid` when several do. */
  show(id: string, options: ReadOptions): Promise<SnapshotDetails>;
  /** Inspects and reports; throws only where nothing can be inspected at all. One report a tier. */
  verify(options: VerifyOptions): AsyncIterable<VerificationReport>;
  /**
   * Brings back what backends have lost, as far as it can be had. One record a tier; damage is told in it. Wherever it is
   * interrupted, all that could be restored before still can, and another call goes on.
   * @throws `config/no-keys`, `usage/invalid`, `home/locked`, `backend/*` where nothing can be stored at all
   */
  repair(options: RepairOptions): AsyncIterable<RepairRecord>;
  /**
   * Needs no home and no database of ours. Yields `plan` first, and only that on a dry run; else `queryable` once all
   * rows are committed, `index` for each vector index, and `restored` last. Of a part: `part` first; then as above, or
   * `lines`, or `merge-plan` and, once the event after it is asked for, `merged` and `index`.
   * @throws `key/*`, `integrity/*`, `format/*`, `backend/*`, `database/target-not-empty`; of a part also `usage/invalid` for
   *   beliefs that the snapshot does not hold; of a merge also `graph/refused` and what opening the database throws
   */
  restore(options: RestoreOptions): AsyncIterable<RestoreEvent>;
  /**
   * What two snapshots of the vault do not have in common: rows in key order, table by table, then the summary. Needs no
   * home; reads only where the snapshots differ.
   * @throws `key/*`, `config/no-keys`, `integrity/*`, `format/*`, `backend/*`, `usage/invalid` for ids that fit no snapshot or several
   */
  diff(options: DiffOptions): AsyncIterable<DiffEvent>;
}

/** What `backup config` can do in one call. */
export type ConfigurationEdit = AddBackend | SetBackend | RemoveBackend | SetTier;

/** The folder of a directory or of an SFTP host is made, if need be. */
export interface AddBackend {
  readonly kind: 'add-backend';
  readonly name: string;
  /** A type, or the name of an S3 provider; `null` where left out, which is allowed when `name` is itself one. */
  readonly type: string | null;
  /** Keys and values as in `valence.yaml`; relative paths are taken from the working folder. */
  readonly settings: BackendValues;
  /** Secrets, by the key that is to name them: each is kept in a file of the home that its owner alone can read. */
  readonly secrets?: Readonly<Record<string, string>> | undefined;
}

/** What is not named stays; `null` takes a key out. */
export interface SetBackend extends Omit<AddBackend, 'kind' | 'type'> {
  readonly kind: 'set-backend';
}

/** What lies there stays; a backend that a tier uses is refused. */
export interface RemoveBackend {
  readonly kind: 'remove-backend';
  readonly name: string;
}

export interface SetTier {
  readonly kind: 'set-tier';
  readonly name: string;
  /** Configured names; `null` keeps those of an existing tier. */
  readonly backends: readonly string[] | null;
  /** `null` keeps that of an existing tier. */
  readonly profile: TierProfile | null;
  /** How many failure domains it must be able to lose, whichever they are. Left out: as before, else 1 where any can be lost. */
  readonly survives?: number | undefined;
  /** For how long what its snapshots need is locked, e.g. `30d`. Left out: as before, else not at all. */
  readonly lock?: string | undefined;
  /** Of its S3 backends, in place of their own. Left out: as before, else their own. */
  readonly storageClass?: string | undefined;
}

export interface ConfigurationView {
  readonly type: 'configuration';
  /** Path of `valence.yaml`. */
  readonly file: string;
  readonly vaultId: VaultId | null;
  readonly backends: readonly BackendView[];
  readonly tiers: readonly TierView[];
  /** What the change brought with it, one sentence each. */
  readonly notes: readonly string[];
}

export interface BackendView {
  readonly name: string;
  readonly type: string;
  /** Printable, without secrets. */
  readonly location: string;
  /** Failure domains, e.g. `device:nas` and `provider:aws`: it is lost with any of them. */
  readonly domains: readonly string[];
  readonly readOnly: boolean;
}

export interface TierView {
  readonly name: string;
  readonly backends: readonly string[];
  readonly profile: TierProfile;
  /** How many failure domains may be lost, whichever they are, with everything still restorable. */
  readonly survives: number;
  /** How many it must survive; a configuration that cannot is refused. */
  readonly required: number;
  /** As in `valence.yaml`; `null`: nothing is locked. */
  readonly lock: string | null;
}

export interface RunOptions {
  /** Left out: every configured tier. */
  readonly tier?: string | undefined;
  /** Read every row, whatever the change log says, and hold what it says against that. */
  readonly fullScan?: boolean | undefined;
  /** Of `run`: told once, at its end, well or not, what each backend was asked for. */
  readonly used?: ((usage: readonly BackendUsage[]) => void) | undefined;
}

/** What a run asked a backend for, every try of every call counted. */
export interface BackendUsage {
  readonly type: 'backend-usage';
  /** As configured. */
  readonly backend: string;
  readonly calls: number;
  /** Calls that failed, also those that were made again and asked for what is not there. */
  readonly errors: number;
  readonly bytesUp: number;
  readonly bytesDown: number;
  /** Rough; `null` where no prices are known. */
  readonly cost: PlannedCost | null;
}

export interface RunPlan {
  readonly type: 'run-plan';
  readonly tier: string;
  /** Whether every row would be read, or only what changed. */
  readonly scan: 'everything' | 'changes';
  /** Bytes that would be added, before erasure coding. */
  readonly newBytes: number;
  readonly backends: readonly BackendPlan[];
  readonly notes: readonly string[];
}

export interface BackendPlan {
  readonly name: string;
  readonly location: string;
  readonly objects: number;
  readonly bytes: number;
  /** Rough; `null` where no prices are known. */
  readonly cost: PlannedCost | null;
  /** Rough; `null` where no limit is configured and no run has measured the backend yet. */
  readonly seconds: number | null;
  /** What `seconds` is taken from. */
  readonly timeFrom: 'limits' | 'measured' | null;
}

export interface PlannedCost {
  readonly currency: string;
  /** Once, for the calls. */
  readonly now: number;
  /** Each month, for what is stored. */
  readonly perMonth: number;
}

export interface ReadOptions {
  /** Locations, or names of configured backends where there is a home. Empty: all configured backends. */
  readonly from: readonly string[];
  /** `master.key`, where there is no host.key; left out, the one in the home if there is one. */
  readonly keyFile?: string | undefined;
  /** Of `list`: only snapshots of this tier. */
  readonly tier?: string | undefined;
  /** Told, before the first result, of each place that cannot be used fully: one sentence that names it. */
  readonly warn?: ((warning: string) => void) | undefined;
}

export interface VerifyOptions {
  /** Left out: every configured tier. */
  readonly tier?: string | undefined;
  /** Read and check every byte, instead of the presence and size of every object. */
  readonly data: boolean;
}

export interface SnapshotRecord {
  readonly type: 'snapshot';
  /** Digest of the manifest, lower-case hexadecimal; any unambiguous beginning of it names the snapshot. */
  readonly id: string;
  /** Of a run: whether every row was read, or only what changed. */
  readonly scan?: 'everything' | 'changes';
  /** Starts at 1 in each tier. */
  readonly sequence: number;
  readonly tier: string;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  /** Content root, lower-case hexadecimal: equal for equal knowledge. */
  readonly root: string;
  /** Rows a table, by table name. */
  readonly counts: Readonly<Record<string, number>>;
  /** Bytes of all encoded rows. */
  readonly logicalBytes: number;
  /** Bytes this snapshot added, before erasure coding. */
  readonly newBytes: number;
  /** Bytes this snapshot added to all backends together, its manifest not counted. */
  readonly storedBytes: number;
  /** How many failure domains may be lost, whichever they are, with this snapshot still restorable. */
  readonly survives: number;
  /** Fewer failure domains than the tier promises. */
  readonly degraded: boolean;
  /** One sentence for each thing the user should know, e.g. which backend could not be reached. */
  readonly notes: readonly string[];
}

export interface SnapshotDetails extends SnapshotRecord {
  /** Digest of the snapshot before it in its chain, `null` for the first. */
  readonly previous: string | null;
  readonly writer: string;
  readonly generation: string;
  readonly schemaVersion: number;
  /** e.g. "PostgreSQL 17.11, pgvector 0.8.0" */
  readonly engine: string;
  /** Where its manifest was found. */
  readonly locations: readonly string[];
}

export type VerificationStatus = 'ok' | 'damaged' | 'lost' | 'chain-broken';

export interface VerificationReport {
  readonly type: 'verification';
  readonly tier: string;
  readonly snapshots: number;
  readonly stripes: number;
  readonly shards: number;
  readonly bytesRead: number;
  readonly findings: readonly VerificationFinding[];
  /** Whether the newest snapshot could be restored from what is there now. */
  readonly restorable: boolean;
  /** The worst of the findings: `damaged` can still be restored, `lost` cannot. */
  readonly status: VerificationStatus;
}

export interface VerificationFinding {
  /** e.g. "shard-missing", "shard-corrupt", "unexpected-object", "backend-unavailable" */
  readonly kind: string;
  readonly severity: 'error' | 'warning' | 'info';
  /** Printable location of the backend. */
  readonly location: string;
  /** Object name, `null` when the finding is about the whole backend. */
  readonly object: string | null;
  /** One sentence. */
  readonly detail: string;
}

export interface RestoreOptions {
  readonly from: readonly string[];
  /** `postgres://…`, or a folder that is absent or empty. Left out only where `part` says where to. */
  readonly to?: string | undefined;
  /** An id, an unambiguous beginning of one, or `latest`. */
  readonly snapshot: string;
  /** Needed only where `latest` exists in several tiers. */
  readonly tier?: string | undefined;
  /** `master.key`; left out, the one in the home if there is one. */
  readonly keyFile?: string | undefined;
  readonly dryRun: boolean;
  /** Told of a dry run what the last event of a restore has as `warnings`. */
  readonly warn?: ((warning: string) => void) | undefined;
  /** Left out: everything. */
  readonly part?: PartOptions | undefined;
  /** Wait, for hours, for shards that lie in an archive; else the restore ends with `backend/archived` once all were asked for. */
  readonly wait?: boolean | undefined;
}

export type RestoreEvent =
  | RestorePlan
  | RestoreQueryable
  | RestoreIndex
  | RestoreResult
  | PartPlan
  | LinesWritten
  | MergePlanned
  | MergeDone;

export interface RestorePlan {
  readonly type: 'plan';
  readonly snapshot: SnapshotRecord;
  /** Printable target. */
  readonly to: string;
  readonly stripes: number;
  readonly bytesToRead: number;
  /** `false`: nothing would be, or was, written; `findings` says what is missing. */
  readonly restorable: boolean;
  readonly findings: readonly VerificationFinding[];
  /** Rows are already in place from an earlier, interrupted restore; only indexes are left. */
  readonly resumed: boolean;
}

export interface RestoreQueryable {
  readonly type: 'queryable';
  readonly to: string;
  readonly counts: Readonly<Record<string, number>>;
  /** Equal to the manifest's; `null` for a part. */
  readonly root: string | null;
}

export interface RestoreIndex {
  readonly type: 'index';
  /** Whose embeddings it is of; `null`: it is of the words of texts. */
  readonly model: string | null;
  /** Of the words; `null`: it is of embeddings. */
  readonly language: string | null;
  readonly state: 'building' | 'built' | 'skipped';
}

export interface RestoreResult {
  readonly type: 'restored';
  readonly snapshot: string;
  readonly to: string;
  readonly counts: Readonly<Record<string, number>>;
  /** `null` for a part. */
  readonly root: string | null;
  readonly orphanEdges: number;
  /** JSON lines of the edges that were left out; `null` when there are none. */
  readonly orphansFile: string | null;
  readonly warnings: readonly string[];
}
