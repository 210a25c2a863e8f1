import { equalBytes } from '../core/bytes.ts';
import { ValenceError } from '../core/errors.ts';
import type { GenerationSecrets } from '../format/keys/writer-secrets.ts';
import type { ManifestBody } from '../format/snapshot/body.ts';
import { openBody } from '../format/snapshot/manifest.ts';
import { ContentIds } from '../format/tree/content-id.ts';
import type { Keyring } from './keyring.ts';
import type { Snapshot } from './snapshots.ts';

/** What only the owner may know of a snapshot, and the secrets of its generation. */
export interface OpenedBody {
  readonly body: ManifestBody;
  readonly secrets: GenerationSecrets;
}

/**
 * Opens the body of a manifest; root, trees and summary must say the same (FORMAT.md §8.4).
 * @throws `key/wrong-key` without the owner's key, or without the bundle of the generation; `integrity/authentication-failed`
 */
export function openSnapshotBody(snapshot: Snapshot, keyring: Keyring): OpenedBody {
  if (keyring.owner === null) {
    throw new ValenceError('key/wrong-key', 'reading a snapshot needs the master key', {
      hint: 'give it with --key-file',
    });
  }
  const secrets = keyring.secrets(snapshot.manifest.header.generation);
  if (secrets === null) throw new ValenceError('key/wrong-key', 'the key bundle of this snapshot was not opened');
  const body = openBody(snapshot.manifest, keyring.owner);
  const root = new ContentIds(secrets.contentIdKey).root(
    body.schemaVersion,
    body.trees.map((tree) => tree.summary),
  );
  if (equalBytes(root, body.contentRoot) && equalBytes(root, snapshot.summary.contentRoot)) return { body, secrets };
  throw new ValenceError('integrity/authentication-failed', 'the parts of a snapshot manifest contradict each other');
}
