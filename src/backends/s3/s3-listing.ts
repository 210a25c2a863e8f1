import { ListObjectVersionsCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import type { ListObjectsV2CommandOutput, ListObjectVersionsCommandOutput } from '@aws-sdk/client-s3';
import type { ObjectInfo } from '../backend.ts';
import { isObjectName } from '../object-name.ts';
import type { S3Call, S3Calls } from './s3-calls.ts';

/** Listings page by page, as entries with our names; keys that are no names of ours are passed over. */

export interface VersionEntry {
  readonly name: string;
  readonly versionId: string;
  readonly sizeBytes: number;
  /** It says that the object was deleted, and hides what lies below for those who do not look. */
  readonly isMarker: boolean;
}

/** Current objects whose name starts with `prefix`; a name need not be whole. */
export async function* listObjects(calls: S3Calls, call: S3Call, prefix: string): AsyncIterable<ObjectInfo> {
  let token: string | undefined;
  for (;;) {
    const input = {
      Bucket: calls.bucket,
      Prefix: calls.prefix + prefix,
      EncodingType: 'url' as const,
      ContinuationToken: token,
    };
    const page: ListObjectsV2CommandOutput = await calls.run(call, (client, options) =>
      client.send(new ListObjectsV2Command(input), options),
    );
    for (const { Key: key, Size: sizeBytes } of page.Contents ?? []) {
      const name = nameOf(calls, prefix, key, page.EncodingType);
      if (name === null) continue;
      call.signal?.throwIfAborted();
      yield { name, sizeBytes: sizeBytes ?? 0 };
    }
    if (page.IsTruncated !== true) return;
    token = following(calls, call, token, page.NextContinuationToken);
  }
}

/**
 * All versions and markers, name by name. Of one name the versions come newest first, as every store lists them; where
 * among them its markers come is not said.
 */
export async function* listVersions(calls: S3Calls, call: S3Call, prefix: string): AsyncIterable<VersionEntry> {
  let from: { KeyMarker?: string; VersionIdMarker?: string } = {};
  let last: string | undefined;
  for (;;) {
    const input = { Bucket: calls.bucket, Prefix: calls.prefix + prefix, EncodingType: 'url' as const, ...from };
    const page: ListObjectVersionsCommandOutput = await calls.run(call, (client, options) =>
      client.send(new ListObjectVersionsCommand(input), options),
    );
    for (const entry of entriesOf(calls, prefix, page)) {
      call.signal?.throwIfAborted();
      yield entry;
    }
    if (page.IsTruncated !== true) return;
    const key = page.NextKeyMarker === undefined ? undefined : decoded(page.NextKeyMarker, page.EncodingType);
    const place = key === undefined ? undefined : JSON.stringify([key, page.NextVersionIdMarker]);
    last = following(calls, call, last, place);
    from = { KeyMarker: key ?? '', ...(page.NextVersionIdMarker && { VersionIdMarker: page.NextVersionIdMarker }) };
  }
}

/** By name, as the store has them in two lists; what is equal keeps its order. */
function entriesOf(calls: S3Calls, prefix: string, page: ListObjectVersionsCommandOutput): VersionEntry[] {
  const entries: VersionEntry[] = [];
  const versions = (page.Versions ?? []).map((version) => ({ ...version, isMarker: false }));
  const markers = (page.DeleteMarkers ?? []).map((marker) => ({ ...marker, Size: 0, isMarker: true }));
  for (const { Key: key, VersionId: versionId, Size: sizeBytes, isMarker } of [...versions, ...markers]) {
    const name = nameOf(calls, prefix, key, page.EncodingType);
    if (name !== null) entries.push({ name, versionId: versionId ?? 'null', sizeBytes: sizeBytes ?? 0, isMarker });
  }
  return entries.toSorted((a, b) => Number(a.name > b.name) - Number(a.name < b.name));
}

function nameOf(calls: S3Calls, prefix: string, key: string | undefined, encoding: string | undefined): string | null {
  const whole = key === undefined ? '' : decoded(key, encoding);
  if (!whole.startsWith(calls.prefix + prefix)) return null;
  const name = whole.slice(calls.prefix.length);
  return isObjectName(name) ? name : null;
}

/** Encoded as in a query, so that keys of other people with control characters do not break the XML. */
function decoded(key: string, encoding: string | undefined): string {
  if (encoding !== 'url') return key;
  try {
    return decodeURIComponent(key.replaceAll('+', ' '));
  } catch {
    return key;
  }
}

/** A store that does not get on would be listed for ever. */
function following(calls: S3Calls, call: S3Call, last: string | undefined, next: string | undefined): string {
  if (next !== undefined && next !== '' && next !== last) return next;
  throw calls.error(
    'backend/unavailable',
    call,
    'the listing is cut short, and the store does not say where it goes on',
  );
}
