import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Builds the servers that tests store at into `.test-servers`, each from its own Go module at a fixed version, and says how
 * long that took. What is there in that version stays. PostgreSQL and OpenSSH come from the system's packages.
 */

interface Server {
  /** Name of the program. */
  readonly name: string;
  readonly module: string;
  readonly version: string;
  /** Below the module; '' is its root. */
  readonly path: string;
}

const SERVERS: readonly Server[] = [
  { name: 'versitygw', module: 'github.com/versity/versitygw', version: 'v1.8.0', path: '/cmd/versitygw' },
  { name: 'rclone', module: 'github.com/rclone/rclone', version: 'v1.76.0', path: '' },
  { name: 'ipfs', module: 'github.com/ipfs/kubo', version: 'v0.43.0', path: '/cmd/ipfs' },
];

const FOLDER = process.env['VALENCE_TEST_SERVERS'] ?? join(import.meta.dirname, '..', '.test-servers');

mkdirSync(FOLDER, { recursive: true });
for (const server of SERVERS) {
  const began = performance.now();
  const isBuilt = build(server);
  const seconds = ((performance.now() - began) / 1000).toFixed(0);
  console.log(`${server.name} ${server.version}: ${isBuilt ? `built in ${seconds} s` : 'is there'}`);
}

/**
 * In a module of its own that requires nothing else, since `go install …@version` refuses modules whose list of
 * versions the proxy does not give. Gives false where there is nothing to do.
 */
function build({ name, module, version, path }: Server): boolean {
  const stamp = join(FOLDER, `${name}.version`);
  if (readOrNull(stamp) === version) return false;
  const work = mkdtempSync(join(tmpdir(), 'valence-server-'));
  try {
    writeFileSync(join(work, 'go.mod'), `module servers\n\ngo 1.26\n\nrequire ${module} ${version}\n`);
    const program = join(work, name);
    const { status, stderr, error } = spawnSync(
      'go',
      ['build', '-trimpath', '-ldflags=-s -w', '-o', program, `${module}${path}`],
      {
        cwd: work,
        env: { ...process.env, GOFLAGS: '-mod=mod -buildvcs=false', GOWORK: 'off' },
        encoding: 'utf8',
      },
    );
    if (error !== undefined)
      throw new Error('Go is needed to build the test servers, and is not there', { cause: error });
    if (status !== 0) throw new Error(`${module} ${version} cannot be built: ${stderr.trim().slice(-2000)}`);
    // The folder may lie on another file system than the temporary one.
    const fresh = join(FOLDER, `.${name}.${process.pid}`);
    writeFileSync(fresh, readFileSync(program), { mode: 0o755 });
    renameSync(fresh, join(FOLDER, name));
    writeFileSync(stamp, version);
    return true;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function readOrNull(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
