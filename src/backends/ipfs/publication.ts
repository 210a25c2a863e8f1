import type { Cid } from './cid.ts';
import { cidText, parseCid, sameCid } from './cid.ts';
import type { KuboNode } from './kubo-node.ts';
import type { OpenPinningService, Pin, PinStatus } from './remote-pins.ts';
import { messageOf } from './rpc-error.ts';

/** What makes a state of the folder findable and kept elsewhere. None of it is needed for what is stored to be safe. */

export interface PinState {
  readonly service: string;
  readonly status: PinStatus | 'unreachable';
  /** Why there is no better status, where somebody said. */
  readonly reason: string | null;
}

/** Which services do not have the newest state yet. Asking again, and `publish` again, may mend both. */
export interface PinningReport {
  readonly pending: readonly PinState[];
  readonly failed: readonly PinState[];
}

export interface PinnedState {
  /** The content id of the folder, which stands for everything below it. */
  readonly root: Cid;
  /** What all pins of this vault at this holder are called. */
  readonly pinName: string;
}

/** What `publish` did for the newest state. */
export interface Publication {
  /** Its content id, from which alone everything can be read: worth writing down. */
  readonly root: string;
  /** `null` without a key. */
  readonly ipns: Announcement | null;
  readonly pinning: PinningReport;
}

export interface Announcement {
  /** The IPNS name that now leads to the newest state; `null` where `failure` says why not. */
  readonly name: string | null;
  readonly failure: string | null;
}

/** Lets the IPNS name of this key lead to the root. Rejects only when aborted. */
export async function announce(
  node: KuboNode,
  { root, key }: { root: Cid; key: string },
  signal: AbortSignal | undefined,
): Promise<Announcement> {
  try {
    return { name: await node.announce(root, key, signal), failure: null };
  } catch (error) {
    signal?.throwIfAborted();
    return { name: null, failure: messageOf(error) };
  }
}

/** The services' view of this state, without asking them for anything new. Rejects only when aborted. */
export async function pinStates(
  services: readonly OpenPinningService[],
  { root, pinName }: PinnedState,
  signal: AbortSignal | undefined,
): Promise<PinningReport> {
  const states = services.map((service) =>
    reported(service, signal, async () => statusOf(root, await service.pins(pinName, signal))),
  );
  return reportOf(await Promise.all(states));
}

/**
 * Asks every service to keep this state. Earlier states are given up only once the service has all of this one, so
 * that at no time it has neither. Rejects only when aborted.
 */
export async function pinEverywhere(
  services: readonly OpenPinningService[],
  node: KuboNode,
  state: PinnedState,
  signal: AbortSignal | undefined,
): Promise<PinningReport> {
  const origins = services.length === 0 ? [] : await addressesOf(node, signal);
  const states = services.map((service) =>
    reported(service, signal, async () => {
      const pins = await service.pins(state.pinName, signal);
      const isUnderWay = !['absent', 'failed'].includes(statusOf(state.root, pins));
      if (!isUnderWay) await request(service, node, { ...state, origins, signal });
      const now = isUnderWay ? pins : await service.pins(state.pinName, signal);
      const status = statusOf(state.root, now);
      await removeSuperseded(service, now, { root: state.root, status, signal });
      return status;
    }),
  );
  return reportOf(await Promise.all(states));
}

interface Request extends PinnedState {
  readonly origins: readonly string[];
  readonly signal: AbortSignal | undefined;
}

/** Asks, and connects to where the service fetches, which it may not manage from its side. */
async function request(
  service: OpenPinningService,
  node: KuboNode,
  { root, pinName, origins, signal }: Request,
): Promise<void> {
  const { delegates } = await service.add({ cid: cidText(root), name: pinName, origins }, signal);
  await Promise.allSettled(delegates.map((address) => node.connect(address, signal)));
}

/** The best status that any pin of this content id has. */
function statusOf(root: Cid, pins: readonly Pin[]): PinStatus {
  const statuses = pins.filter(({ cid }) => isSame(cid, root)).map(({ status }) => status);
  const order: readonly PinStatus[] = ['pinned', 'pinning', 'queued', 'failed'];
  return order.find((status) => statuses.includes(status)) ?? 'absent';
}

/** Earlier states that are whole stay until this one is; earlier ones that never got there are in its way. */
async function removeSuperseded(
  service: OpenPinningService,
  pins: readonly Pin[],
  now: { root: Cid; status: PinStatus; signal: AbortSignal | undefined },
): Promise<void> {
  const isWanted = (pin: Pin): boolean =>
    isSame(pin.cid, now.root) ? pin.status !== 'failed' : pin.status === 'pinned' && now.status !== 'pinned';
  for (const { requestId } of pins.filter((pin) => !isWanted(pin))) await service.remove(requestId, now.signal);
}

/** A service may print a content id in its own way. */
function isSame(theirs: string, ours: Cid): boolean {
  try {
    return sameCid(parseCid(theirs), ours);
  } catch {
    return false;
  }
}

async function addressesOf(node: KuboNode, signal: AbortSignal | undefined): Promise<readonly string[]> {
  try {
    return await node.addresses(signal);
  } catch {
    signal?.throwIfAborted();
    return [];
  }
}

async function reported(
  { name }: OpenPinningService,
  signal: AbortSignal | undefined,
  act: () => Promise<PinStatus>,
): Promise<PinState> {
  try {
    return { service: name, status: await act(), reason: null };
  } catch (error) {
    signal?.throwIfAborted();
    return { service: name, status: 'unreachable', reason: messageOf(error) };
  }
}

function reportOf(states: readonly PinState[]): PinningReport {
  const isPending = ({ status }: PinState): boolean => ['queued', 'pinning', 'absent'].includes(status);
  return {
    pending: states.filter(isPending),
    failed: states.filter((state) => !isPending(state) && state.status !== 'pinned'),
  };
}
