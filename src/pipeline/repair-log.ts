import { REPAIRS_A_RECORD, SEGMENT_BYTES_AIM } from '../core/limits.ts';
import type { Random } from '../core/random.ts';
import { encodeRepair } from '../format/index/repair-record.ts';
import type { IndexedStripe } from '../format/index/segment-body.ts';
import { sha256 } from '../format/shard/name.ts';
import type { IndexKeyring } from '../vault/keyring.ts';
import { repairObjectName } from '../vault/repairs.ts';
import { tooFewHolders } from './holders.ts';
import type { Uploads } from './uploads.ts';
import { stripeBytes } from './segment-builder.ts';

export interface RepairLogOptions {
  readonly tier: string;
  readonly keyring: IndexKeyring;
  readonly uploads: Uploads;
  readonly random: Random;
}

/** Stripes of one generation that wait to be told of. */
interface Portion {
  stripes: IndexedStripe[];
  bytes: number;
}

/** Tells of repaired stripes in records of a bounded size, each as soon as it is full, so that little is lost with the process. */
export class RepairLog {
  readonly #options: RepairLogOptions;
  readonly #portions = new Map<string, Portion>();
  #records = 0;

  constructor(options: RepairLogOptions) {
    this.#options = options;
  }

  /** Records written so far. */
  get records(): number {
    return this.#records;
  }

  /** `stripe`: with the shards that are new, which their holders have acknowledged. @throws as `flush` */
  async add(generation: string, stripe: IndexedStripe): Promise<void> {
    const portion = this.#portions.get(generation) ?? { stripes: [], bytes: 0 };
    this.#portions.set(generation, portion);
    portion.stripes.push(stripe);
    portion.bytes += stripeBytes(stripe);
    if (portion.bytes >= SEGMENT_BYTES_AIM || portion.stripes.length >= REPAIRS_A_RECORD)
      await this.#write(generation, portion);
  }

  /** Writes what waits. @throws `backend/*` when no holder takes it */
  async flush(): Promise<void> {
    for (const [generation, portion] of this.#portions) await this.#write(generation, portion);
  }

  async #write(generation: string, portion: Portion): Promise<void> {
    if (portion.stripes.length === 0) return;
    const { tier, keyring, uploads, random } = this.#options;
    const { stripes } = portion;
    [portion.stripes, portion.bytes] = [[], 0];
    const { indexKey } = keyring.secrets(generation)!;
    const bytes = encodeRepair({ vaultId: keyring.vaultId, generation, tier }, stripes, indexKey, random);
    const took = await uploads.storeEverywhere(repairObjectName(sha256(bytes)), bytes);
    if (took.length === 0) throw tooFewHolders(1, 0, uploads.refused);
    this.#records += 1;
  }
}
