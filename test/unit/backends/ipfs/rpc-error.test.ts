import { describe, expect, test } from 'vitest';
import { openIpfs } from '../../../../src/backends/ipfs/open-ipfs.ts';
import { isTransient, retryAfterOf } from '../../../../src/backends/backend-error.ts';
import { rejection } from '../../../support/expect-code.ts';
import type { SaidAnswer } from '../../../support/servers/loopback-http.ts';
import { answerHttp } from '../../../support/servers/loopback-http.ts';
import { freePort } from '../../../support/servers/server-process.ts';

/** Opens, and then stores, at a node that answers so once it is open. */
async function putAt(said: SaidAnswer): Promise<unknown> {
  let isOpen = false;
  await using node = await answerHttp(({ url }) => {
    if (isOpen) return said;
    if (url.pathname === '/api/v0/files/stat') return failure('file does not exist');
    return { status: 200, headers: { 'content-type': 'application/json' }, body: '{"Version":"0.43.0"}' };
  });
  const backend = await openIpfs({ name: 'kubo', api: node.url });
  isOpen = true;
  return await backend.put('keys/1', Buffer.from('x'));
}

function failure(message: string): SaidAnswer {
  const body = JSON.stringify({ Message: message, Code: 0, Type: 'error' });
  return { status: 500, headers: { 'content-type': 'application/json' }, body };
}

describe('what a node answers', () => {
  test('no space left', async () => {
    const error = await rejection(putAt(failure('write /repo/blocks/x: no space left on device')), 'backend/full');
    expect(error.context).toMatchObject({ backend: 'kubo', operation: 'put', object: 'keys/1' });
  });

  test.for([401, 403])('%i: the key is refused', async (status) => {
    const error = await rejection(putAt({ status }), 'backend/denied');
    expect(error.hint).toContain('API.Authorizations');
  });

  test('404: it is something else that listens there', async () => {
    const error = await rejection(putAt({ status: 404 }), 'backend/unavailable');
    expect(isTransient(error)).toBe(false);
    expect(error.hint).toContain('RPC');
  });

  test('503: it asks for a pause', async () => {
    const error = await rejection(putAt({ status: 503, headers: { 'retry-after': '7' } }), 'backend/unavailable');
    expect(isTransient(error)).toBe(true);
    expect(retryAfterOf(error)).toBe(7000);
  });

  test('anything else: in its words', async () => {
    const error = await rejection(putAt(failure('lock is held')), 'backend/unavailable');
    expect(error.message).toBe('backend kubo: put keys/1: lock is held');
    expect(isTransient(error)).toBe(true);
  });

  test('another content id than ours', async () => {
    const body = '{"Key":"bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku","Size":0}';
    const error = await rejection(
      putAt({ status: 200, headers: { 'content-type': 'application/json' }, body }),
      'backend/unavailable',
    );
    expect(error.message).toContain('the node stored bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku');
    expect(isTransient(error)).toBe(false);
  });
});

describe('a node that is not there', () => {
  test('says so, with what to do', async () => {
    const api = `http://127.0.0.1:${await freePort()}`;
    const error = await rejection(openIpfs({ name: 'kubo', api }), 'backend/unavailable');
    expect(error.message).toBe('backend kubo: open: no answer (ECONNREFUSED)');
    expect(error.hint).toContain('ipfs daemon');
    expect(isTransient(error)).toBe(true);
  });
});

describe('a node that falls silent', () => {
  test('does not hold up an abort, nor the next call', async () => {
    let isSilent = false;
    await using node = await answerHttp(({ url }) => {
      if (isSilent) return new Promise(() => {});
      return url.pathname === '/api/v0/files/stat' ? failure('file does not exist') : { status: 200, body: '{}' };
    });
    const backend = await openIpfs({ name: 'kubo', api: node.url });
    isSilent = true;
    const controller = new AbortController();
    const reason = new Error('enough');
    const { signal } = controller;
    const calls = [
      backend.put('a/1', Buffer.from('x'), { signal }),
      backend.get('a/1', { signal }),
      backend.stat('a/1', { signal }),
      backend.delete('a/1', { signal }),
      Array.fromAsync(backend.list('', { signal })),
    ];
    controller.abort(reason);
    for (const call of calls) await expect(call).rejects.toBe(reason);
    isSilent = false;
    expect(await backend.stat('a/1')).toBe(null);
  });
});

describe('options that are refused', () => {
  test.for([
    ['an RPC elsewhere in the clear', { api: 'http://nas.example:5001' }],
    ['an RPC elsewhere in the clear, also with a key', { api: 'http://nas.example:5001', auth: 'bearer:hunter2' }],
    ['a password in the URL', { api: 'http://user:hunter2@127.0.0.1:5001' }],
    ['what is no URL', { api: 'hunter2' }],
    ['a gateway that is no URL', { gateway: 'hunter2' }],
    ['the root of the file system', { folder: '/' }],
    ['a relative folder', { folder: 'valence' }],
    ['a folder that leads up', { folder: '/valence/../hunter2' }],
    ['a pinning service in the clear', { pinning: [{ name: 'p', endpoint: 'http://p.example', token: 'hunter2' }] }],
  ] as const)('%s', async ([, options]) => {
    const error = await rejection(openIpfs({ name: 'kubo', ...options }), 'config/invalid');
    expect(JSON.stringify([error.message, error.hint, error.context])).not.toContain('hunter2');
  });
});
