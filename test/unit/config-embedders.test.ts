import { describe, expect, test } from 'vitest';
import { configForSnapshot, configFromSnapshot } from '../../src/config/config-snapshot.ts';
import { parseConfig } from '../../src/config/config-text.ts';
import type { Config } from '../../src/config/schema.ts';

const PATH = '/home/ada/.valence/valence.yaml';

function parse(embedders: string): Config {
  return parseConfig(`version: 1\nembedders:\n  ${embedders}\n`, PATH).config;
}

function refusal(embedders: string): { readonly message: string; readonly hint?: string } {
  try {
    parse(embedders);
  } catch (error) {
    expect(error).toMatchObject({ code: 'config/invalid' });
    return error as Error;
  }
  throw new Error('was not refused');
}

const FULL = `BAAI/bge-m3:latest: { url: "https://api.example/v1//", model: bge, key: file:keys/bge, dimensions: 512,
    query-prefix: "query: ", document-prefix: "passage: ", batch: 8, concurrency: 4, timeout: 2m, max-chars: 500 }`;

describe('an embedder', () => {
  test('with every key', () => {
    expect([...parse(FULL).embedders]).toMatchObject([
      [
        'BAAI/bge-m3:latest',
        {
          ...{ url: 'https://api.example/v1', model: 'bge', dimensions: 512, batch: 8, concurrency: 4 },
          ...{ key: { kind: 'file', path: '/home/ada/.valence/keys/bge' }, timeoutMs: 120_000, maxChars: 500 },
          ...{ queryPrefix: 'query: ', documentPrefix: 'passage: ' },
        },
      ],
    ]);
  });

  test('with none but its address', () => {
    const { written, ...embedder } = parse('nomic: { url: http://localhost:11434/v1 }').embedders.get('nomic')!;
    expect(embedder).toEqual({
      ...{ url: 'http://localhost:11434/v1', model: 'nomic', key: null, dimensions: null },
      ...{ queryPrefix: '', documentPrefix: '', batch: 32, concurrency: 2, timeoutMs: 30_000, maxChars: 8000 },
    });
    expect(written).toEqual({ url: 'http://localhost:11434/v1' });
  });

  test.each<[string, string, string | null]>([
    ['x: {}', 'embedders.x.url is missing', null],
    ['x: http://localhost', 'embedders.x must be a section', null],
    ['" x": { url: "http://h/v1" }', 'without blanks around it', null],
    ['x: { url: ftp://h }', 'must be an http:// or https:// URL', null],
    ['x: { url: "http://ada:hunter2@h/v1" }', 'must not hold a user name or a password', null],
    ['x: { url: "http://h/v1?key=1" }', 'without ? and #', null],
    ['x: { url: http://h/v1, key: sk-hunter2 }', 'must name a secret', 'env:NAME'],
    ['x: { url: http://h/v1, modle: y }', 'modle is not a known key', 'did you mean model?'],
    ['x: { url: http://h/v1, batch: 0 }', 'batch must be at least 1', null],
    ['x: { url: http://h/v1, batch: 1.5 }', 'batch must be a whole number', null],
    ['x: { url: http://h/v1, dimensions: 16001 }', 'dimensions must be at most 16000', null],
    ['x: { url: http://h/v1, timeout: soon }', 'timeout must be a time', null],
    ['x: { url: http://api.example/v1, key: env:K }', 'url would send the key in the clear', 'use https'],
    ['x: { url: http://8.8.8.8/v1, key: env:K }', 'url would send the key in the clear', 'use https'],
    ['x: { url: http://172.32.0.1/v1, key: env:K }', 'url would send the key in the clear', null],
    ['x: { url: http://127.0.0.1.example/v1, key: env:K }', 'url would send the key in the clear', null],
    ['x: { url: "http://[2001:db8::1]/v1", key: env:K }', 'url would send the key in the clear', null],
  ])('that is wrong: %s', (text, message, hint) => {
    const refused = refusal(text);
    expect(refused.message).toContain(message);
    if (hint !== null) expect(refused.hint).toContain(hint);
    expect(JSON.stringify([refused.message, refused])).not.toContain('hunter2');
  });

  test.each([
    ...['localhost', '127.0.0.1', '127.1.2.3', '10.0.0.1', '172.16.0.1', '192.168.1.2', '169.254.0.1', '100.64.0.1'],
    ...['[::1]', '[fd00::1]', '[fe80::1]', 'ollama', 'gpu.lan', 'nas.local', 'a.home.arpa'],
  ])('may be sent a key over http where it stays at home: %s', (host) => {
    expect(parse(`x: { url: "http://${host}:8000/v1", key: env:K }`).embedders.size).toBe(1);
  });

  test('may be asked without a key over http anywhere', () => {
    expect(parse('x: { url: http://api.example/v1 }').embedders.size).toBe(1);
  });

  test('travels in a snapshot, with its secret named', () => {
    const config = parse(`${FULL}\n  a: { url: http://localhost:1/v1 }`);
    const text = configForSnapshot(config);
    expect(text).toContain('key: file:/home/ada/.valence/keys/bge');
    expect([...configFromSnapshot(text).embedders.keys()]).toEqual(['BAAI/bge-m3:latest', 'a']);
    expect(configForSnapshot(configFromSnapshot(text))).toBe(text);
    expect(configForSnapshot(parseConfig('version: 1', PATH).config)).not.toContain('embedders');
  });
});
