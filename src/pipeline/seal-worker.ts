import { systemRandom } from '../core/random.ts';
import { DirectSealer } from './sealer.ts';
import type { SealedBatch, SealingBatch } from './threaded-sealer.ts';
import { answer } from './worker-thread.ts';

/** The thread behind `ThreadedSealer`. Keys are drawn here, from the operating system. */

const sealer = new DirectSealer(systemRandom);

answer<SealingBatch, SealedBatch>(({ labels, lengths, plaintexts }) => {
  let offset = 0;
  const chunks = labels.map((label, i) => {
    const plaintext = plaintexts.subarray(offset, offset + lengths[i]!);
    offset += lengths[i]!;
    return sealer.sealNow(label, plaintext);
  });
  const sealed = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.sealed.length, 0));
  const references = new Uint8Array(chunks.length * 64);
  let at = 0;
  for (const [i, chunk] of chunks.entries()) {
    sealed.set(chunk.sealed, at);
    at += chunk.sealed.length;
    references.set(chunk.name, i * 64);
    references.set(chunk.key, i * 64 + 32);
  }
  const reply = { sealed, references, lengths: chunks.map((chunk) => chunk.sealed.length) };
  return { reply, transfer: [sealed.buffer, references.buffer] };
});
