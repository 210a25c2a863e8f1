import type { BackendOperation } from './passing-backend.ts';

const GIB = 1024 ** 3;

/** What a provider asks for; what is left out costs nothing. All in one currency. */
export interface PriceTable {
  /** As the provider writes it, e.g. `USD`. */
  readonly currency: string;
  readonly perThousandCalls?: Readonly<Partial<Record<BackendOperation, number>>> | undefined;
  readonly egressPerGiB?: number | undefined;
  readonly storagePerGiBMonth?: number | undefined;
}

export interface Usage {
  readonly calls: Readonly<Record<BackendOperation, number>>;
  readonly bytesDown: number;
  /** Of new objects. */
  readonly bytesStored: number;
}

export interface Cost {
  readonly currency: string;
  /** Once: calls and egress. */
  readonly now: number;
  /** Each month that the new objects are kept. */
  readonly perMonth: number;
}

/** Rough: no free allowances, no minimum size or duration, no taxes. */
export function costOf({ calls, bytesDown, bytesStored }: Usage, prices: PriceTable): Cost {
  const { currency, perThousandCalls = {}, egressPerGiB = 0, storagePerGiBMonth = 0 } = prices;
  let now = (bytesDown / GIB) * egressPerGiB;
  for (const [operation, price] of Object.entries(perThousandCalls)) {
    now += (calls[operation as BackendOperation] / 1000) * price;
  }
  return { currency, now, perMonth: (bytesStored / GIB) * storagePerGiBMonth };
}
