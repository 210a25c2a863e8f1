import { isAbsolute, resolve } from 'node:path';
import { ValenceError } from '../core/errors.ts';
import { checkBackendValue } from './config-check.ts';
import type { BackendConfig } from './schema.ts';

/** Places named on the command line, where there may be no configuration: a path, or a URL. */

export interface Location {
  readonly backend: BackendConfig;
  /** Of IPFS: what to read instead of the node's folder, and nothing can be written there. */
  readonly root: string | null;
}

const FORMS =
  'name a folder, s3://BUCKET/PREFIX?endpoint=…, sftp://USER@HOST/PATH, ipfs://CID, or a configured backend';

/**
 * Settings that a URL has no part for stand behind `?`, called as in `valence.yaml`. Secrets are named there, never
 * written. @throws `usage/invalid`, which never repeats what may be a secret
 */
export function parseLocation(text: string): Location {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//.exec(text)?.[1];
  if (scheme === undefined) {
    const path = isAbsolute(text) ? text : resolve(text);
    return checked(text, { type: 'directory', path });
  }
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null) throw refused(`a location of the kind ${scheme}:// cannot be read`, FORMS);
  if (url.password !== '') {
    throw refused(
      `the location of host ${url.hostname} holds a password`,
      'name the secret instead: ?password=env:NAME',
    );
  }
  const label = `${scheme}://${url.host}${url.pathname}`;
  switch (scheme) {
    case 's3':
      return checked(label, { type: 's3', ...bucketOf(url), ...settingsOf(url) });
    case 'sftp':
      return checked(label, { type: 'sftp', ...hostOf(url), ...settingsOf(url) });
    case 'ipfs':
    case 'ipns':
      return ipfsLocation(label, url);
    default:
      throw refused(`locations of the kind ${scheme}:// are not known`, FORMS);
  }
}

type Values = Readonly<Record<string, unknown>>;

function bucketOf(url: URL): Values {
  const prefix = decoded(url.pathname).replace(/^\/+|\/+$/g, '');
  return { bucket: url.hostname, ...(prefix === '' ? {} : { prefix }) };
}

/** As with other programs, `/~/…` is taken from the folder that the user logs in to. */
function hostOf(url: URL): Values {
  const path = decoded(url.pathname);
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    ...(url.port === '' ? {} : { port: Number(url.port) }),
    ...(url.username === '' ? {} : { user: decoded(url.username) }),
    path: path.startsWith('/~/') ? path.slice('/~/'.length) || '.' : path || '/',
  };
}

/** `ipfs:///folder` is a folder of the node, `ipfs://CID` and `ipns://NAME` are what anybody can read. */
function ipfsLocation(label: string, url: URL): Location {
  const path = decoded(url.pathname).replace(/\/+$/, '');
  if (url.host === '')
    return checked(label, { type: 'ipfs', ...(path === '' ? {} : { folder: path }), ...settingsOf(url) });
  if (path !== '') throw refused(`nothing stands behind the id in ${url.protocol}//…`, 'name the id alone');
  const { backend } = checked(label, { type: 'ipfs', ...settingsOf(url) });
  const id = url.host;
  return { backend: { ...backend, location: label }, root: url.protocol === 'ipns:' ? `/ipns/${id}` : id };
}

/** A `+` stands for itself, as in fingerprints and keys, and not for a blank, as in forms. */
function settingsOf(url: URL): Values {
  const values = [...new URLSearchParams(url.search.replaceAll('+', '%2B'))].map(([key, value]) => {
    const isFlag = value === 'true' || value === 'false';
    return [key, isFlag ? value === 'true' : value] as const;
  });
  return Object.fromEntries(values);
}

function checked(label: string, values: Values): Location {
  const { backend, problems } = checkBackendValue(values, 'location', resolve('.'));
  if (backend !== null) return { backend, root: null };
  const [first] = problems;
  throw refused(
    `location ${label}: ${(first?.path ?? []).map(String).join('.')} ${first?.message}`,
    first?.hint ?? FORMS,
  );
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw refused('a location has a % that is no escape', 'write it as %25');
  }
}

function refused(message: string, hint: string): ValenceError {
  return new ValenceError('usage/invalid', message, { hint });
}
