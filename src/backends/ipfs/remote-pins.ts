import { ValenceError } from '../../core/errors.ts';
import { checkedUrl, isLoopback, isPrivate } from './node-connection.ts';

/** A service that keeps content ids for others: https://ipfs.github.io/pinning-services-api-spec/ (version 1.0.0). */
export interface PinningService {
  /** How reports call it. */
  readonly name: string;
  /** Base URL, e.g. `https://api.pinata.cloud/psa`. */
  readonly endpoint: string;
  /** A secret. */
  readonly token: string;
}

/** How far a service is with a content id. `absent`: it was not asked, or has forgotten. */
export type PinStatus = 'queued' | 'pinning' | 'pinned' | 'failed' | 'absent';

export interface Pin {
  readonly requestId: string;
  readonly status: PinStatus;
  readonly cid: string;
  /** Addresses at which the service fetches; whoever has the content should connect to them. */
  readonly delegates: readonly string[];
}

export interface PinRequest {
  readonly cid: string;
  /** Equal for all states of one vault at one holder, and different for any other. */
  readonly name: string;
  /** Addresses of a node that has the content. */
  readonly origins: readonly string[];
}

const CALL_MS = 30_000;
const ANSWER_CHARACTERS_MAX = 1_000_000;
/** More of one name are an accident; they are taken away over several runs. */
const LISTED_MAX = 100;
/** The most that the specification allows. */
const ORIGINS_MAX = 20;
const NOT_PUBLIC = /^\/ip4\/(10|127|192\.168|169\.254|172\.(1[6-9]|2\d|3[01]))\.|^\/ip6\/(::1|f[cd]|fe80)/;
const STATUSES: readonly PinStatus[] = ['queued', 'pinning', 'pinned', 'failed'];

/** @throws `config/invalid` for an endpoint to which the token would travel in the clear */
export function openPinningService(backend: string, { name, endpoint, token }: PinningService): OpenPinningService {
  const url = checkedUrl(backend, `the endpoint of pinning service ${name}`, endpoint);
  if (isPrivate(url)) return new OpenPinningService(name, url, token);
  throw new ValenceError('config/invalid', `backend ${backend}: pinning service ${name} is not reached over https`, {
    hint: 'the token would be sent in the clear',
    context: { backend, operation: 'open' },
  });
}

/** Its methods throw plain errors whose message holds no secret: a failing service is reported, and fails nothing. */
export class OpenPinningService {
  readonly name: string;
  readonly #url: URL;
  readonly #token: string;

  constructor(name: string, url: URL, token: string) {
    this.name = name;
    this.#url = url;
    this.#token = token;
  }

  /** All pins of a name, in any state, newest first. */
  async pins(name: string, signal?: AbortSignal): Promise<readonly Pin[]> {
    const parameters = { name, match: 'exact', status: STATUSES.join(','), limit: String(LISTED_MAX) };
    const answer = await this.#call('GET', `pins?${new URLSearchParams(parameters).toString()}`, signal);
    const results: unknown = isRecord(answer) ? answer['results'] : null;
    if (!Array.isArray(results)) throw new Error('the answer is not that of a pinning service');
    return results.map(pinOf);
  }

  async add({ cid, name, origins }: PinRequest, signal?: AbortSignal): Promise<Pin> {
    // Addresses of a home network say something about it, and are of no use to a service on the internet.
    const reachable = isLoopback(this.#url) ? origins : origins.filter((origin) => !NOT_PUBLIC.test(origin));
    return pinOf(await this.#call('POST', 'pins', signal, { cid, name, origins: reachable.slice(0, ORIGINS_MAX) }));
  }

  async remove(requestId: string, signal?: AbortSignal): Promise<void> {
    await this.#call('DELETE', `pins/${encodeURIComponent(requestId)}`, signal);
  }

  async #call(method: string, path: string, signal: AbortSignal | undefined, body?: object): Promise<unknown> {
    const limit = AbortSignal.timeout(CALL_MS);
    const response = await fetch(`${this.#url.href.replace(/\/+$/, '')}/${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.#token}`,
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      // A redirect would carry the token to wherever it says.
      redirect: 'error',
      signal: signal === undefined ? limit : AbortSignal.any([signal, limit]),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`the service answers ${response.status}${reasonIn(text)}`);
    if (text === '' || method === 'DELETE') return null;
    if (text.length > ANSWER_CHARACTERS_MAX) throw new Error('the answer is too long');
    const answer: unknown = JSON.parse(text);
    return answer;
  }
}

/** @throws for what the specification does not allow */
function pinOf(answer: unknown): Pin {
  const { requestid, status, pin, delegates } = isRecord(answer) ? answer : {};
  const cid = isRecord(pin) ? pin['cid'] : null;
  const known = STATUSES.find((one) => one === status);
  if (typeof requestid !== 'string' || known === undefined || typeof cid !== 'string') {
    throw new Error('the answer is not that of a pinning service');
  }
  const addresses = Array.isArray(delegates) ? delegates.filter((one) => typeof one === 'string') : [];
  return { requestId: requestid, status: known, cid, delegates: addresses.slice(0, ORIGINS_MAX) };
}

/** The reason code of the specification's failure, e.g. `: INSUFFICIENT_FUNDS`. */
function reasonIn(text: string): string {
  const reason = /"reason"\s*:\s*"([A-Z_]{1,60})"/.exec(text)?.[1];
  return reason === undefined ? '' : `: ${reason}`;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
