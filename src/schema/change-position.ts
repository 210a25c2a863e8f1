/**
 * Which state of which database a snapshot read. Two of them say whether the change log can tell what happened in
 * between. Pure: nothing here reaches a database.
 */
export interface ChangePosition {
  readonly snapshot: TransactionSnapshot;
  /** Of the change log; another one once entries were lost. */
  readonly epoch: string;
  /** The server's system identifier, its timeline, and the OID of the database. */
  readonly system: string;
  readonly timeline: string;
  readonly database: string;
  readonly schemaVersion: number;
  /** Digest of everything the log's word rests on. */
  readonly fingerprint: string;
}

/** A `pg_snapshot`: it sees every transaction below `xmax` that is not one of `running`. */
export interface TransactionSnapshot {
  /** As Postgres writes and reads it. */
  readonly text: string;
  readonly xmax: bigint;
  readonly running: readonly bigint[];
}

/** `xmin:xmax:xip,xip,…` as `pg_snapshot` takes it; null: it would be refused. */
export function parseSnapshot(text: string): TransactionSnapshot | null {
  const match = /^(\d{1,20}):(\d{1,20}):((?:\d{1,20}(?:,\d{1,20})*)?)$/.exec(text);
  if (match === null) return null;
  const [xmin, xmax] = [BigInt(match[1]!), BigInt(match[2]!)];
  const running = match[3] === '' ? [] : match[3]!.split(',').map(BigInt);
  const ordered = running.every((xid, index) => xid >= xmin && xid < xmax && xid > (running[index - 1] ?? -1n));
  if (xmin < 1n || xmin > xmax || xmax >= XID_END || !ordered) return null;
  return { text, xmax, running };
}

/** Half of what an xid8 could be: no database comes there. */
const XID_END = 1n << 63n;

/** Whether `later` sees every transaction that `earlier` sees. */
export function includes(later: TransactionSnapshot, earlier: TransactionSnapshot): boolean {
  const known = new Set(earlier.running);
  return earlier.xmax <= later.xmax && later.running.every((xid) => xid >= earlier.xmax || known.has(xid));
}

/** The one of these that sees least; null: there is none. Snapshots of one database include one another. */
export function oldest(positions: readonly ChangePosition[]): ChangePosition | null {
  const [first, ...others] = positions;
  if (first === undefined) return null;
  return others.reduce((least, next) => (includes(next.snapshot, least.snapshot) ? least : next), first);
}

export function formatPosition(position: ChangePosition): string {
  return JSON.stringify({ ...position, snapshot: position.snapshot.text } satisfies StoredPosition);
}

/** What `formatPosition` wrote; null: it is something else. */
export function parsePosition(text: string): ChangePosition | null {
  const stored = parseJson(text);
  if (!isStored(stored)) return null;
  const { epoch, system, timeline, database, schemaVersion, fingerprint } = stored;
  const snapshot = parseSnapshot(stored.snapshot);
  return snapshot === null ? null : { snapshot, epoch, system, timeline, database, schemaVersion, fingerprint };
}

type StoredPosition = Readonly<Omit<ChangePosition, 'snapshot'> & { snapshot: string }>;

const TEXT_FIELDS = ['snapshot', 'epoch', 'system', 'timeline', 'database', 'fingerprint'] as const;

function isStored(value: unknown): value is StoredPosition {
  if (typeof value !== 'object' || value === null) return false;
  const fields = value as Readonly<Partial<Record<keyof StoredPosition, unknown>>>;
  return TEXT_FIELDS.every((name) => typeof fields[name] === 'string') && typeof fields.schemaVersion === 'number';
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
