import { describe, expect, it, test } from 'vitest';
import { fromUtf8, toHex, utf8 } from '../../src/core/bytes.ts';
import { MANIFEST_BYTES_MAX } from '../../src/core/limits.ts';
import { createSigningKey, verifyingKeyOf } from '../../src/format/keys/signature.ts';
import { sha256 } from '../../src/format/shard/name.ts';
import { decodeManifestBody, encodeManifestBody } from '../../src/format/snapshot/body.ts';
import type { ManifestBody } from '../../src/format/snapshot/body.ts';
import { decodeManifestHeader, encodeManifestHeader } from '../../src/format/snapshot/header.ts';
import type { ManifestHeader } from '../../src/format/snapshot/header.ts';
import {
  encodeManifest,
  openBody,
  openSummary,
  parseManifest,
  verifyManifest,
} from '../../src/format/snapshot/manifest.ts';
import type { Manifest } from '../../src/format/snapshot/manifest.ts';
import { decodeSummary, encodeSummary } from '../../src/format/snapshot/summary.ts';
import type { SnapshotSummary } from '../../src/format/snapshot/summary.ts';
import { countRows } from '../../src/pipeline/count-rows.ts';
import { filler, NO_MODEL } from '../support/tree-fixture.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { codeOf, EVERY_BIT, owner, withBitFlipped } from './keys-fixture.ts';

const OWNER = owner('alice');
const SIGNING_KEY = createSigningKey(seededRandom('writer'));
const WRITER = verifyingKeyOf(SIGNING_KEY);
const KEYS = { indexKey: filler('index key', 32), signingKey: SIGNING_KEY, recipients: [OWNER.public.recipient] };
const uuid = (last: number): string => `00000000-0000-4000-8000-${String(last).padStart(12, '0')}`;

const HEADER: ManifestHeader = {
  vaultId: uuid(1),
  generation: uuid(2),
  writerId: uuid(3),
  tier: 'home',
  sequence: 7,
  previous: filler('previous', 32),
  createdAt: 1_760_000_000_000,
  salt: filler('salt', 32),
  index: [filler('segment a', 32), filler('segment b', 32)],
};

const SUMMARY: SnapshotSummary = {
  contentRoot: filler('root', 32),
  counts: { beliefs: 3, belief_edges: 0 },
  logicalBytes: 2 ** 53 - 1,
  newBytes: 1,
  storedBytes: 2,
  survives: 2,
  degraded: false,
  schemaVersion: 4,
  engine: 'PostgreSQL 17.11, pgvector 0.8.0',
  profile: { k: 3, n: 5 },
  holders: [{ id: uuid(9), name: 'nas', type: 'directory', domain: 'Zürich' }],
  heads: [{ tier: 'cloud', sequence: 3, digest: filler('head', 32) }],
};

const BODY: ManifestBody = {
  contentRoot: filler('root', 32),
  schemaVersion: 4,
  trees: [
    { code: 1, modelId: NO_MODEL },
    { code: 8, modelId: Buffer.from(uuid(8).replaceAll('-', ''), 'hex') },
  ].map(({ code, modelId }) => ({
    summary: { code, rowVersion: 1, level: 2, modelId, contentId: filler(`id ${code}`, 32), rows: 10, bytes: 1000 },
    root: { name: filler(`name ${code}`, 32), key: filler(`key ${code}`, 32) },
  })),
  configuration: 'tiers:\n  home: {}\n',
};

const MANIFEST: Manifest = { header: HEADER, summary: SUMMARY, body: BODY };
const encoded = encodeManifest(MANIFEST, KEYS, seededRandom('manifest'));

function read(bytes: Uint8Array): { header: ManifestHeader; summary: SnapshotSummary; body: ManifestBody } {
  const manifest = parseManifest(bytes);
  verifyManifest(manifest, WRITER);
  return { header: manifest.header, summary: openSummary(manifest, KEYS.indexKey), body: openBody(manifest, OWNER) };
}

/** The same JSON with some fields in place of others; `undefined` takes one away. */
const changed = (json: Uint8Array, fields: Record<string, unknown>): Uint8Array =>
  utf8(JSON.stringify({ ...(JSON.parse(fromUtf8(json)) as object), ...fields }));

describe('a manifest', () => {
  it('comes back', () => {
    const { header, summary, body } = read(encoded);
    expect(encodeManifestHeader(header)).toEqual(encodeManifestHeader(HEADER));
    expect(encodeSummary(summary)).toEqual(encodeSummary(SUMMARY));
    expect(encodeManifestBody(body)).toEqual(encodeManifestBody(BODY));
    expect(toHex(parseManifest(encoded).digest)).toBe(toHex(sha256(encoded)));
  });

  it('of a first snapshot has no previous one', () => {
    const first = encodeManifest(
      { ...MANIFEST, header: { ...HEADER, previous: null, index: [] } },
      KEYS,
      seededRandom('first'),
    );
    expect(read(first).header).toMatchObject({ previous: null, index: [] });
  });

  it('opens for each recipient and for nobody else', () => {
    const [bob, eve] = [owner('bob'), owner('eve')];
    const both = encodeManifest(
      MANIFEST,
      { ...KEYS, recipients: [OWNER.public.recipient, bob.public.recipient] },
      seededRandom('both'),
    );
    expect(openBody(parseManifest(both), bob).configuration).toBe(BODY.configuration);
    expect(codeOf(() => openBody(parseManifest(both), eve))).toBe('key/wrong-key');
    expect(codeOf(() => openSummary(parseManifest(both), filler('other', 32)))).toBe('integrity/authentication-failed');
    expect(
      codeOf(() => verifyManifest(parseManifest(both), verifyingKeyOf(createSigningKey(seededRandom('eve'))))),
    ).toBe('integrity/authentication-failed');
  });

  it('cut short or followed by anything is refused', () => {
    for (let length = 0; length < encoded.length; length += EVERY_BIT ? 1 : 13) {
      expect(
        codeOf(() => read(encoded.subarray(0, length))),
        `at ${length}`,
      ).toBe('format/malformed');
    }
    expect(codeOf(() => read(Buffer.concat([encoded, Buffer.of(0)])))).toBe('format/malformed');
  });

  it('with any bit changed is refused', { timeout: 600_000 }, () => {
    const signature = (encoded.length - 3373) * 8;
    const headerEnd = ('valence/v1 snapshot\n'.length + 4 + encodeManifestHeader(HEADER).length + 4) * 8;
    const step = (at: number): number => (EVERY_BIT ? 1 : at < headerEnd ? 3 : at < signature ? 17 : 61);
    for (let bit = 0; bit < encoded.length * 8; bit += step(bit)) {
      const code = codeOf(() => read(withBitFlipped(encoded, bit)));
      expect(
        ['format/malformed', 'format/newer', 'integrity/authentication-failed'],
        `bit ${bit}: ${String(code)}`,
      ).toContain(code);
    }
  });

  it('made of the parts of two is refused', () => {
    const other = encodeManifest(
      { ...MANIFEST, header: { ...HEADER, sequence: 8, salt: filler('other', 32) } },
      KEYS,
      seededRandom('other'),
    );
    const [a, b] = [parseManifest(encoded), parseManifest(other)];
    for (const mixed of [
      { ...a, sealedSummary: b.sealedSummary },
      { ...a, envelope: b.envelope },
      { ...a, headerBytes: b.headerBytes },
      { ...a, signature: b.signature },
    ]) {
      expect(codeOf(() => verifyManifest(mixed, WRITER))).toBe('integrity/authentication-failed');
    }
    expect(codeOf(() => openSummary({ ...a, sealedSummary: b.sealedSummary }, KEYS.indexKey))).toBe(
      'integrity/authentication-failed',
    );
    expect(codeOf(() => openBody({ ...a, envelope: b.envelope }, OWNER))).toBe('integrity/authentication-failed');
  });

  it('that lies about a length is refused', () => {
    const lie = Buffer.from(encoded);
    for (const length of [MANIFEST_BYTES_MAX + 1, 0xffffffff]) {
      lie.writeUInt32BE(length, 'valence/v1 snapshot\n'.length);
      expect(codeOf(() => parseManifest(lie))).toBe('format/malformed');
    }
  });

  it('longer than any reader takes is never written', () => {
    const index = Array.from({ length: 65_000 }, () => HEADER.index[0]!);
    expect(
      codeOf(() => encodeManifest({ ...MANIFEST, header: { ...HEADER, index } }, KEYS, seededRandom('long'))),
    ).toBe('internal/invariant');
  });
});

describe('the JSON parts', () => {
  const header = encodeManifestHeader(HEADER);
  const summary = encodeSummary(SUMMARY);
  const body = encodeManifestBody(BODY);

  it('tolerate fields that this program does not know', () => {
    expect(decodeManifestHeader(changed(header, { colour: 'green' }))).toEqual(decodeManifestHeader(header));
    expect(decodeSummary(changed(summary, { colour: { a: [1] } }))).toEqual(decodeSummary(summary));
    expect(decodeManifestBody(changed(body, { colour: null }))).toEqual(decodeManifestBody(body));
  });

  it('accept spaces and any order', () => {
    const turned = Object.fromEntries(Object.entries(JSON.parse(fromUtf8(header)) as object).toReversed());
    expect(decodeManifestHeader(utf8(` ${JSON.stringify(turned, null, 4)}\n`))).toEqual(decodeManifestHeader(header));
  });

  it('that require a feature are of a newer format', () => {
    expect(codeOf(() => decodeManifestHeader(changed(header, { requiredFeatures: ['holograms'] })))).toBe(
      'format/newer',
    );
    expect(codeOf(() => decodeManifestHeader(changed(header, { requiredFeatures: [1] })))).toBe('format/malformed');
  });

  const wrong: readonly (readonly [string, unknown])[] = [
    ['missing', undefined],
    ['a number below zero', -1],
    ['a fraction', 0.5],
    ['above 2^53 - 1', 2 ** 53],
    ['null', null],
    ['an object', {}],
    ['a list of lists', [[]]],
    ['a text', 'text'],
    ['upper-case hexadecimal', 'AB'.repeat(32)],
    ['true', true],
  ];
  /** What each field may be besides what it is; every other wrong value must be refused. */
  const allowed: Record<string, readonly string[]> = {
    previous: ['null'],
    engine: ['a text', 'upper-case hexadecimal'],
    degraded: ['true'],
    counts: ['an object'],
    tier: ['a text'],
    configuration: ['a text', 'upper-case hexadecimal'],
  };

  test.for([
    ['header', header, decodeManifestHeader],
    ['summary', summary, decodeSummary],
    ['body', body, decodeManifestBody],
  ] as const)('of the %s are refused where any field is of a wrong type', ([, json, decode]) => {
    for (const field of Object.keys(JSON.parse(fromUtf8(json)) as object)) {
      for (const [what, value] of wrong) {
        const expected = allowed[field]?.includes(what) === true ? 'none' : 'format/malformed';
        expect(
          codeOf(() => decode(changed(json, { [field]: value }))),
          `${field}: ${what}`,
        ).toBe(expected);
      }
    }
    for (const text of ['', 'null', '[]', '1', '"text"', '{', '{} {}', '\ufeff{}'])
      expect(codeOf(() => decode(utf8(text)))).toBe('format/malformed');
    expect(codeOf(() => decode(Buffer.of(0x7b, 0xff, 0x7d)))).toBe('format/malformed');
  });

  it('of a tree are refused where any field is of a wrong type or too great', () => {
    const trees = (JSON.parse(fromUtf8(body)) as { trees: Record<string, unknown>[] }).trees;
    for (const field of Object.keys(trees[0]!)) {
      for (const [what, value] of wrong) {
        const expected = field === 'model' && what === 'null' ? 'none' : 'format/malformed';
        expect(
          codeOf(() => decodeManifestBody(changed(body, { trees: [{ ...trees[0], [field]: value }] }))),
          `${field}: ${what}`,
        ).toBe(expected);
      }
    }
    for (const part of [{ level: 64 }, { code: 256 }, { rowVersion: 256 }]) {
      expect(codeOf(() => decodeManifestBody(changed(body, { trees: [{ ...trees[0], ...part }] })))).toBe(
        'format/malformed',
      );
    }
  });

  it.for([{ sequence: 0 }, { tier: 'Home' }, { tier: '' }, { tier: 'a/b' }, { vault: 'not an id' }, { index: ['ab'] }])(
    'refuse %j',
    (part) => {
      expect(codeOf(() => decodeManifestHeader(changed(header, part)))).toBe('format/malformed');
    },
  );

  it('keep a count called __proto__ apart from the prototype', () => {
    const odd = utf8(fromUtf8(summary).replace('"counts":{', '"counts":{"__proto__":5,'));
    expect(Object.entries(decodeSummary(odd).counts)).toContainEqual(['__proto__', 5]);
  });
});

test('rows are counted a table, models together, without the reverse tree', () => {
  const tree = (code: number, rows: number) => ({ ...BODY.trees[0]!.summary, code, rows });
  expect(countRows([tree(1, 5), tree(5, 7), tree(6, 7), tree(8, 2), tree(8, 3)])).toEqual({
    beliefs: 5,
    belief_versions: 0,
    sources: 0,
    belief_sources: 0,
    belief_edges: 7,
    models: 0,
    belief_embeddings: 5,
  });
});
