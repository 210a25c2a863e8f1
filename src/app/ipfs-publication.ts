import type { Publication } from '../backends/ipfs/publication.ts';

/** What to tell of a state that was published; the first sentence is worth writing down. */
export function describePublication(name: string, { root, ipns, pinning }: Publication): string[] {
  const announced =
    ipns === null
      ? []
      : ipns.failure === null
        ? [`it is announced as ipns://${ipns.name}`]
        : [`it could not be announced by IPNS: ${ipns.failure}`];
  const pending = pinning.pending.map(({ service, status }) => `${service} has not pinned it yet (${status})`);
  const failed = pinning.failed.map(
    ({ service, status, reason }) => `${service} does not pin it (${reason ?? status}): the next run asks again`,
  );
  return [
    `backend ${name} is now ipfs://${root}`,
    ...[...announced, ...pending, ...failed].map((text) => `backend ${name}: ${text}`),
  ];
}
