import type { HeardRequest, LoopbackHttp, SaidAnswer } from './loopback-http.ts';
import { answerHttp } from './loopback-http.ts';

/**
 * A pinning service as its specification says (https://ipfs.github.io/pinning-services-api-spec/, 1.0.0), which keeps
 * what it is asked in memory and refuses every request that the specification does not allow.
 */
export interface PinKeeper extends LoopbackHttp {
  readonly token: string;
  /** Oldest first. */
  readonly pins: KeptPin[];
  /** What it found wrong with requests. */
  readonly complaints: string[];
  /** Told to clients as where to connect to. */
  delegates: readonly string[];
  /** When set, every request gets this status. */
  refusal: number | null;
}

export interface KeptPin {
  readonly requestid: string;
  status: 'queued' | 'pinning' | 'pinned' | 'failed';
  readonly cid: string;
  readonly name: string;
  readonly origins: readonly string[];
}

const STATUSES = ['queued', 'pinning', 'pinned', 'failed'];
const QUERY = ['cid', 'name', 'match', 'status', 'before', 'after', 'limit', 'meta'];

export async function startPinKeeper(): Promise<PinKeeper> {
  const token = 'token-of-the-pin-keeper';
  const pins: KeptPin[] = [];
  const complaints: string[] = [];
  const refuse = (status: number, reason: string): SaidAnswer => {
    complaints.push(reason);
    return json(status, { error: { reason, details: `refused with ${token}` } });
  };
  const server = await answerHttp((request) => {
    if (keeper.refusal !== null) return json(keeper.refusal, { error: { reason: 'TOLD_TO' } });
    if (request.headers.authorization !== `Bearer ${token}`) return refuse(401, 'UNAUTHORIZED');
    const [, collection, id] = request.url.pathname.split('/');
    if (collection !== 'pins') return refuse(404, 'NOT_FOUND');
    if (request.method === 'GET' && id === undefined) return list(request);
    if (request.method === 'POST' && id === undefined) return add(request);
    if (request.method === 'DELETE' && id !== undefined) return remove(id);
    return refuse(400, 'BAD_REQUEST');
  });
  const shown = ({ requestid, status, cid, name, origins }: KeptPin): object => ({
    requestid,
    status,
    created: '2026-01-01T00:00:00Z',
    pin: { cid, name, origins },
    delegates: keeper.delegates,
  });
  const list = ({ url }: HeardRequest): SaidAnswer => {
    const asked = url.searchParams;
    const unknown = [...asked.keys()].filter((key) => !QUERY.includes(key));
    const wanted = (asked.get('status') ?? 'pinned').split(',');
    const limit = Number(asked.get('limit') ?? '10');
    if (unknown.length > 0 || wanted.some((status) => !STATUSES.includes(status))) return refuse(400, 'BAD_QUERY');
    if (!Number.isInteger(limit) || limit < 1 || limit > 1000) return refuse(400, 'BAD_LIMIT');
    if (asked.get('match') !== 'exact') return refuse(400, 'ONLY_EXACT_MATCHES_HERE');
    const found = pins.filter(({ name, status }) => name === asked.get('name') && wanted.includes(status));
    return json(200, { count: found.length, results: found.toReversed().slice(0, limit).map(shown) });
  };
  const add = ({ body, headers }: HeardRequest): SaidAnswer => {
    if (headers['content-type'] !== 'application/json') return refuse(400, 'NOT_JSON');
    const { cid, name, origins, ...more } = JSON.parse(body) as Partial<KeptPin>;
    if (typeof cid !== 'string' || typeof name !== 'string' || name.length > 255) return refuse(400, 'BAD_PIN');
    if (!Array.isArray(origins) || origins.length > 20 || Object.keys(more).length > 0) return refuse(400, 'BAD_PIN');
    const pin: KeptPin = { requestid: `request-${pins.length + 1}`, status: 'queued', cid, name, origins };
    pins.push(pin);
    return json(202, shown(pin));
  };
  const remove = (id: string): SaidAnswer => {
    const at = pins.findIndex(({ requestid }) => requestid === id);
    if (at === -1) return refuse(404, 'NOT_FOUND');
    pins.splice(at, 1);
    return { status: 202 };
  };
  const keeper: PinKeeper = { ...server, token, pins, complaints, delegates: [], refusal: null };
  return keeper;
}

function json(status: number, body: object): SaidAnswer {
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
}
