import { z } from 'zod';
import { parseSecretReference } from '../secret-reference.ts';
import type { SecretReference } from '../secret-reference.ts';
import { flag, missingOr, secret, SECTION_RULE, serviceUrl, text } from './fields.ts';
import type { SectionOf } from './fields.ts';
import type { Kind } from './kind.ts';
import { absoluteSecret } from './s3.ts';
import { completeSettings, FREE, SETTINGS } from './settings.ts';
import type { BackendSettings, RawSettings } from './settings.ts';

/** A Kubo node, with pinning services beside it where wanted. */

export interface RawIpfs extends RawSettings {
  readonly type: 'ipfs';
  readonly api?: string | undefined;
  readonly auth?: string | undefined;
  readonly 'plain-http'?: boolean | undefined;
  readonly folder?: string | undefined;
  readonly gateway?: string | undefined;
  readonly pinning?: readonly RawPinning[] | undefined;
  readonly ipns?: string | undefined;
}

export interface RawPinning {
  readonly endpoint: string;
  readonly token: string;
}

export interface IpfsConfig extends BackendSettings {
  readonly type: 'ipfs';
  /** URL of the node's RPC API. */
  readonly api: string;
  /** `bearer:TOKEN` or `basic:USER:PASSWORD`, as in Kubo's API.Authorizations. */
  readonly auth: SecretReference | null;
  /** The RPC may go over http to another machine. */
  readonly plainHttp: boolean;
  /** Of the node's mutable file system; begins with `/`, and does not end in one. */
  readonly folder: string;
  /** URL of a trustless gateway to read by. */
  readonly gateway: string | null;
  readonly pinning: readonly { readonly endpoint: string; readonly token: SecretReference }[];
  /** Name of the key under which the newest state is published. */
  readonly ipns: string | null;
}

const LOCAL_API = 'http://127.0.0.1:5001';

const pinning: SectionOf<RawPinning> = z.strictObject({ endpoint: serviceUrl, token: secret }, { error: SECTION_RULE });

const schema: SectionOf<RawIpfs> = z.strictObject(
  {
    type: z.literal('ipfs'),
    api: serviceUrl.optional(),
    auth: secret.optional(),
    'plain-http': flag.optional(),
    folder: text
      .refine((value) => /^(\/[A-Za-z0-9][A-Za-z0-9._-]*)+$/.test(value) && value.length <= 256, {
        error: 'must be a folder of the node, like /valence',
      })
      .optional(),
    gateway: serviceUrl.optional(),
    pinning: z.array(pinning, { error: missingOr('must be a list of services') }).optional(),
    ipns: text
      .refine((value) => /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(value), { error: 'must be the name of a key' })
      .optional(),
    ...SETTINGS,
  },
  { error: SECTION_RULE },
);

export const ipfs: Kind<RawIpfs, IpfsConfig> = {
  schema,
  problems: () => [],
  absolute: (raw, folder) => ({
    ...raw,
    ...absoluteSecret('auth', raw.auth, folder),
    ...(raw.pinning === undefined
      ? {}
      : { pinning: raw.pinning.map((service) => ({ ...service, ...absoluteSecret('token', service.token, folder) })) }),
  }),
  complete: (raw, name, folder) => ({
    ...completeSettings(raw, { device: name, prices: FREE }),
    type: 'ipfs',
    api: (raw.api ?? LOCAL_API).replace(/\/+$/, ''),
    auth: raw.auth === undefined ? null : parseSecretReference(raw.auth, folder),
    plainHttp: raw['plain-http'] ?? false,
    folder: raw.folder ?? `/valence/${name}`,
    gateway: raw.gateway?.replace(/\/+$/, '') ?? null,
    pinning: (raw.pinning ?? []).map(({ endpoint, token }) => ({
      endpoint,
      token: parseSecretReference(token, folder)!,
    })),
    ipns: raw.ipns ?? null,
  }),
  place: ({ api, folder }) => ({ store: new URL(api).host, path: folder, key: 'folder' }),
  location: ({ api, folder }) => `ipfs ${new URL(api).host}${folder}`,
};
