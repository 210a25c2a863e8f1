import { text } from './parsers.ts';

/** Options that mean the same for several commands. */

interface TextFlag {
  readonly kind: 'parsed';
  readonly parse: (input: string) => string;
  readonly placeholder: string;
  readonly brief: string;
}

interface WaitFlag {
  readonly kind: 'boolean';
  readonly optional: true;
  readonly withNegated: false;
  readonly brief: string;
}

export const fromFlag: TextFlag & { readonly variadic: true } = {
  kind: 'parsed',
  parse: text,
  variadic: true,
  placeholder: 'LOCATION',
  brief:
    'where the vault is kept: a path, s3://…, sftp://…, ipfs://…, or the name of a configured backend; repeat for each',
};

export const optionalFromFlag: TextFlag & { readonly variadic: true; readonly optional: true } = {
  ...fromFlag,
  optional: true,
};

export const keyFileFlag: TextFlag & { readonly optional: true } = {
  kind: 'parsed',
  parse: text,
  optional: true,
  placeholder: 'FILE',
  brief: 'master.key; left out, the one in the home',
};

export const tierFlag: TextFlag & { readonly optional: true } = {
  kind: 'parsed',
  parse: text,
  optional: true,
  placeholder: 'NAME',
  brief: 'only this tier',
};

export const waitFlag: WaitFlag = {
  kind: 'boolean',
  optional: true,
  withNegated: false,
  brief: 'wait, for hours, until shards that lie in an archive have been brought back',
};
