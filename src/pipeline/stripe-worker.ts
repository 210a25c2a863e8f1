import type { StoredShard } from '../format/sealing/stripe.ts';
import { codeStripe } from './code-stripe.ts';
import type { CodedStripe, CodingTask } from './code-stripe.ts';
import { answer, owned } from './worker-thread.ts';

/** The thread behind `ThreadedCoder`. */

answer<CodingTask, CodedStripe>((task) => {
  const coded = codeStripe(task);
  const shards: StoredShard[] = coded.shards.map((shard) => ({
    bytes: owned(shard.bytes),
    name: owned(shard.name),
    root: owned(shard.root),
    groups: shard.groups.map(owned),
  }));
  const geometry = { ...coded.geometry, packDigest: owned(coded.geometry.packDigest) };
  return { reply: { ...coded, geometry, shards }, transfer: shards.map((shard) => shard.bytes.buffer as ArrayBuffer) };
});
