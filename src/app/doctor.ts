import { DatabaseCatalog } from '../catalog/database-catalog.ts';
import { isHome } from '../config/home.ts';
import type { Config, TierConfig } from '../config/schema.ts';
import { isValenceError } from '../core/errors.ts';
import { readWholeFile } from '../core/files.ts';
import { uuidText } from '../core/ids.ts';
import { hasUrlPassword } from '../core/redact.ts';
import { projectionStatuses } from '../graph/projection/project.ts';
import type { HostKey } from '../format/keys/host-key.ts';
import { explainPromise } from '../placement/explain-promise.ts';
import { promisedBy } from '../placement/promise.ts';
import { foreignTables } from '../schema/foreign-tables.ts';
import { silencedTriggers } from '../schema/change-log-repair.ts';
import { partText, readPart } from '../schema/part-mark.ts';
import type { PartOf } from '../schema/part-mark.ts';
import { requireLanguage } from '../schema/text-index.ts';
import type { AppContext } from './context.ts';
import { findHostKey } from './keys.ts';
import { indexTitle, missingIndexes } from './missing-indexes.ts';
import { extrasOf } from './open-backend.ts';
import { openConfigured } from './places.ts';
import { profileOf } from './profile.ts';
import { languageToIndex } from './search-language.ts';
import type { HealthFinding } from './vault-calls.ts';

/** Looks at everything and changes nothing; what it cannot look at is itself a finding. */
export async function examine(context: AppContext): Promise<readonly HealthFinding[]> {
  const findings: HealthFinding[] = [];
  if (!(await isHome(context.home)))
    findings.push(finding('error', `there is no home at ${context.home.root}`, 'run `valence init`'));
  const config = await looked(findings, () => context.config());
  await looked(findings, () => examineDatabase(context, findings));
  const part = await looked(findings, () => partHere(context));
  await looked(findings, () => examineKeys(context, part, findings));
  if (config !== null) await looked(findings, () => examineBackups(context, config, findings));
  const rank = { error: 0, warning: 1, info: 2 };
  return findings.toSorted((a, b) => rank[a.level] - rank[b.level]);
}

async function examineDatabase(context: AppContext, findings: HealthFinding[]): Promise<void> {
  if (!(await namesDatabase(context))) return;
  const database = await context.database();
  findings.push(finding('info', `the database is ${database.version} at ${database.location}`, null));
  const vector = /pgvector (\d+)\.(\d+)\.(\d+)/.exec(database.version);
  if (vector !== null && isBefore(vector.slice(1).map(Number), [0, 8, 4])) {
    findings.push(
      finding(
        'warning',
        `${vector[0]} has known faults in HNSW indexes, mended in 0.8.4`,
        'upgrade pgvector when you can',
      ),
    );
  }
  for (const table of await foreignTables(database)) {
    const rows = table.estimatedRows === null ? '' : ` (about ${table.estimatedRows} rows)`;
    findings.push(
      finding(
        'warning',
        `table ${table.schema}.${table.name}${rows} is not ours and is not backed up`,
        'back it up by other means',
      ),
    );
  }
  const language = await languageToIndex(context);
  for (const index of await missingIndexes(database, language)) {
    findings.push(finding('warning', `${indexTitle(index)} is missing`, 'run `valence init` to build it'));
  }
  for (const { name, state, reason } of await database.transaction({ mode: 'snapshot' }, projectionStatuses)) {
    if (state === 'fresh') continue;
    const what = `the graph ${name} in Apache AGE is ${state === 'stale' ? 'stale' : `perhaps stale: ${reason}`}`;
    findings.push(finding('info', what, `run \`valence graph project --age --name ${name}\``));
  }
  if (language !== null) await looked(findings, () => requireLanguage(database, language));
  const silenced = await silencedTriggers(database);
  if (silenced.length > 0) {
    const tables = [...new Set(silenced.map(({ table }) => table))].join(', ');
    findings.push(
      finding(
        'warning',
        `triggers of the change log are switched off or fire in some sessions only (${tables}), so each backup reads every row`,
        'run `valence init` to switch them on as they were',
      ),
    );
  }
}

async function namesDatabase({ home, databaseFlag, env }: AppContext): Promise<boolean> {
  return databaseFlag !== undefined || Boolean(env['DATABASE_URL']) || isHome(home);
}

async function partHere(context: AppContext): Promise<PartOf | null> {
  return (await namesDatabase(context)) ? readPart(await context.database()) : null;
}

async function examineKeys(context: AppContext, part: PartOf | null, findings: HealthFinding[]): Promise<void> {
  const key = await findHostKey(context);
  if (part !== null) findings.push(partFinding(part, key));
  if (key === null)
    findings.push(
      finding(
        'error',
        'this host has no host.key, so nothing is backed up',
        part === null
          ? 'run `valence keys init`, or `valence vault attach`'
          : 'run `valence keys init` for a new vault',
      ),
    );
  if ((await readWholeFile(context.home.masterKeyFile)) !== null) {
    findings.push(
      finding(
        'warning',
        `${context.home.masterKeyFile} is still on this machine`,
        'take it away, and keep a copy elsewhere',
      ),
    );
  }
}

function partFinding(part: PartOf, key: HostKey | null): HealthFinding {
  const what = `the database holds only ${partText(part)}, of vault ${part.vaultId}`;
  if (key !== null && uuidText(key.vaultId) === part.vaultId)
    return finding(
      'error',
      what,
      'restore the whole snapshot, or name the database of this vault: no backup is made of a part',
    );
  return finding(
    'info',
    what,
    key === null ? 'it cannot continue that vault: restore the whole snapshot for that' : null,
  );
}

async function examineBackups(context: AppContext, config: Config, findings: HealthFinding[]): Promise<void> {
  if (config.databaseUrl !== null && hasUrlPassword(config.databaseUrl)) {
    findings.push(
      finding(
        'warning',
        'valence.yaml holds the password of the database',
        'use a password file (~/.pgpass) or DATABASE_URL',
      ),
    );
  }
  if (config.tiers.size === 0)
    findings.push(
      finding('error', 'no tier is configured, so nothing is backed up', 'see `valence backup config --help`'),
    );
  const used = new Set([...config.tiers.values()].flatMap((tier) => tier.backends));
  const { backends, away } = await openConfigured(context, config, [...used]);
  for (const { backend } of backends) {
    for (const warning of extrasOf(backend)?.warnings ?? []) findings.push(finding('warning', warning, null));
    await context.release(backend);
  }
  for (const name of config.backends.keys()) {
    if (!used.has(name))
      findings.push(
        finding(
          'info',
          `backend ${name} is used by no tier`,
          `take it out with \`valence backup config --remove-backend ${name}\``,
        ),
      );
  }
  for (const { location, error } of away)
    findings.push(finding('error', `backend ${location}: ${error.message}`, 'bring it back'));
  for (const [name, tier] of config.tiers) {
    const places = tier.backends.map((backend) => config.backends.get(backend)!.domains);
    const survives = promisedBy(profileOf(tier.profile), places);
    if (survives < 1)
      findings.push(
        finding(
          'warning',
          `tier ${name} survives no loss of a failure domain, as survives: 0 accepts`,
          wayToSurvive(config, tier),
        ),
      );
    else
      findings.push(
        finding(
          'info',
          `tier ${name} is set up to survive the loss of any ${survives} of ${new Set(places.flat()).size} failure domains`,
          'see what it survives now with `valence backup verify`',
        ),
      );
  }
  await examineHeads(context, config, findings);
}

/** What would let the tier survive any one loss. */
function wayToSurvive(config: Config, { backends, profile }: TierConfig): string {
  const places = backends.map((name) => ({ name, domains: config.backends.get(name)!.domains }));
  return explainPromise({ profile: profileOf(profile), places, survives: 1 })?.ways || 'store more than one copy';
}

async function examineHeads(context: AppContext, config: Config, findings: HealthFinding[]): Promise<void> {
  const key = await findHostKey(context);
  if (key === null) return;
  const heads = await new DatabaseCatalog(await context.database(), uuidText(key.vaultId), context.clock).heads();
  for (const tier of config.tiers.keys()) {
    if (heads.some((head) => head.tier === tier)) continue;
    findings.push(
      finding(
        'warning',
        `tier ${tier} has no snapshot from this host yet`,
        `run \`valence backup run --tier ${tier}\``,
      ),
    );
  }
}

/** A check that fails is a finding. Faults of ours are not hidden. */
async function looked<T>(findings: HealthFinding[], look: () => Promise<T>): Promise<T | null> {
  try {
    return await look();
  } catch (error) {
    if (!isValenceError(error) || error.code === 'internal/invariant' || error.code === 'cancelled') throw error;
    if (!findings.some(({ what }) => what === error.message))
      findings.push(finding('error', error.message, error.hint ?? null));
    return null;
  }
}

function isBefore(version: readonly number[], limit: readonly number[]): boolean {
  for (const [i, part] of limit.entries()) if (version[i] !== part) return version[i]! < part;
  return false;
}

function finding(level: HealthFinding['level'], what: string, todo: string | null): HealthFinding {
  return { type: 'finding', level, what, todo };
}
