import { equalBytes } from '../../core/bytes.ts';
import type { Clock } from '../../core/clock.ts';
import { ValenceError, invariant } from '../../core/errors.ts';
import type { Random } from '../../core/random.ts';
import type { Backend, BackendTraits, CallOptions, GetOptions, ObjectInfo, ObjectName } from '../backend.ts';
import { checkObjectName, checkPrefix } from '../object-name.ts';
import { OBJECT_BYTES_MAX, checkRange, rangeWithin } from '../object-range.ts';
import { Turns } from '../turns.ts';
import { STATUS, explained, hasStatus, orNull } from './answers.ts';
import type { Connection } from './connection.ts';
import { asFull } from './full-disk.ts';
import { listObjects } from './listing.ts';
import { RemoteFolders, parentOf } from './remote-folders.ts';
import type { RemoteRoot } from './remote-root.ts';
import type { Handle, RemoteStatus, Session } from './session.ts';
import { Temporaries } from './temporaries.ts';
import { readBody } from './transfer.ts';
import { UnfinishedCalls } from './unfinished-calls.ts';
import { upload } from './upload.ts';

/** A session of OpenSSH works on one request after the other; this many calls keep it busy while others wait for the network. */
const CALLS_AT_ONCE = 8;

export interface OpenedSftp {
  readonly name: string;
  readonly location: string;
  readonly connection: Connection;
  readonly root: RemoteRoot;
  readonly clock: Clock;
  readonly random: Random;
}

/** See `openSftp`. */
export class SftpBackend implements Backend {
  readonly location: string;
  readonly #name: string;
  readonly #connection: Connection;
  readonly #root: RemoteRoot;
  readonly #folders: RemoteFolders;
  readonly #temporaries: Temporaries;
  readonly #turns = new Turns();
  readonly #unfinished = new UnfinishedCalls();
  #hardLinks = true;

  constructor({ name, location, connection, root, clock, random }: OpenedSftp) {
    this.location = location;
    this.#name = name;
    this.#connection = connection;
    this.#root = root;
    this.#folders = new RemoteFolders(root.path);
    this.#temporaries = new Temporaries(root.path, clock, random);
  }

  /** `conditionalPut` turns false when the first `put` finds a server or file system without hard links. */
  get traits(): BackendTraits {
    return {
      maxObjectBytes: OBJECT_BYTES_MAX,
      rangeReads: true,
      conditionalPut: this.#hardLinks,
      objectLock: false,
      maxConcurrency: CALLS_AT_ONCE,
    };
  }

  async put(name: ObjectName, body: Uint8Array, { signal }: CallOptions = {}): Promise<void> {
    checkObjectName(name);
    invariant(body.length <= OBJECT_BYTES_MAX, `object of ${body.length} bytes is above the backend's maximum`);
    await this.#call({ operation: 'put', object: name, signal }, (connected) =>
      this.#turns.take(name, signal, async () => this.#store(await connected(), name, body, signal)),
    );
  }

  async get(name: ObjectName, { range, signal }: GetOptions = {}): Promise<Uint8Array> {
    checkObjectName(name);
    checkRange(range);
    return this.#call({ operation: 'get', object: name, signal }, async (connected) => {
      const session = await connected();
      const bytes = await this.#withObject(session, name, (file, status) =>
        readBody(session, file, rangeWithin(range, status.sizeBytes), signal),
      );
      if (bytes === null) throw new ValenceError('backend/not-found', 'no such object');
      return bytes;
    });
  }

  async stat(name: ObjectName, { signal }: CallOptions = {}): Promise<ObjectInfo | null> {
    checkObjectName(name);
    return this.#call({ operation: 'stat', object: name, signal }, async (connected) => {
      const session = await connected();
      const status = await this.#folders.status(session, name);
      if (status?.kind === 'file') return { name, sizeBytes: status.sizeBytes };
      await this.#root.check(session);
      return null;
    });
  }

  async *list(prefix: string, { signal }: CallOptions = {}): AsyncIterable<ObjectInfo> {
    checkPrefix(prefix);
    const folder = prefix.slice(0, -1);
    const call = { operation: 'list', object: prefix, signal };
    const found = await this.#call(call, async (connected) => {
      const session = await connected();
      await this.#root.check(session);
      return (await this.#folders.reachable(session, folder)) ? listObjects(session, this.#root.path, folder) : null;
    });
    if (found === null) return;
    for (;;) {
      const page = await this.#call(call, () => found.next());
      if (page.done === true) break;
      for (const info of page.value) {
        signal?.throwIfAborted();
        yield info;
      }
    }
    // A folder that is missing is passed over, so a root that went missing meanwhile would look like fewer objects.
    await this.#call(call, async (connected) => this.#root.check(await connected()));
  }

  async delete(name: ObjectName, { signal }: CallOptions = {}): Promise<void> {
    checkObjectName(name);
    await this.#call({ operation: 'delete', object: name, signal }, async (connected) => {
      const session = await connected();
      const [status] = await Promise.all([this.#folders.status(session, name), this.#root.check(session)]);
      if (status?.kind === 'file') await session.remove(this.#folders.path(name));
    });
  }

  /** Lets calls that were aborted clean up behind them, then closes the connection. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#unfinished.settled();
    await this.#connection.close();
  }

  async #store(session: Session, name: ObjectName, body: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    if (await this.#keepsEqual(session, name, body)) return;
    await this.#temporaries.removeLeftovers(session);
    try {
      await asFull(session, this.#root.path, 0, async () => {
        await this.#root.leaveMark(session);
        await this.#folders.ensure(session, parentOf(name));
      });
      const temporary = this.#temporaries.next();
      const path = this.#folders.path(name);
      const onLeft = (): void => this.#temporaries.leave(temporary);
      const publishing = await upload(session, { temporary, path, body, signal, onLeft });
      if (publishing === 'rename') this.#hardLinks = false;
      if (publishing === 'taken' && !(await this.#keepsEqual(session, name, body))) throw otherContent();
    } catch (error) {
      if (hasStatus(error, STATUS.noSuchFile)) this.#folders.forget();
      throw error;
    }
  }

  /**
   * Whether the object is there with this content; then also makes sure of it, since whoever wrote it may have been
   * stopped before the last fsync. @throws `backend/already-exists` if its content is another
   */
  async #keepsEqual(session: Session, name: ObjectName, body: Uint8Array): Promise<boolean> {
    const equal = await this.#withObject(session, name, async (file, { sizeBytes }) => {
      if (sizeBytes !== body.length) return false;
      if (!equalBytes(await readBody(session, file, { offset: 0, length: sizeBytes }, undefined), body)) return false;
      await session.sync(file);
      return true;
    });
    if (equal === false) throw otherContent();
    return equal !== null;
  }

  /** `null`: no such object (a folder or a link of that name is none), and the root is still the one that was opened. */
  async #withObject<T>(
    session: Session,
    name: ObjectName,
    use: (file: Handle, status: RemoteStatus) => Promise<T>,
  ): Promise<T | null> {
    // Both at once: a request more costs a server far away nothing, an answer more to wait for does.
    const [status] = await Promise.all([this.#folders.status(session, name), this.#root.check(session)]);
    const file = status?.kind === 'file' ? await orNull(session.open(this.#folders.path(name))) : null;
    if (status === null || file === null) return null;
    try {
      return await use(file, status);
    } finally {
      // Nobody need wait for that; a file that stays open is closed with the connection.
      session.closeFile(file).catch(() => undefined);
    }
  }

  /** An abort is heard at once; what is then still under way cleans up by itself and is waited for at the end. */
  #call<T>(
    call: { readonly operation: string; readonly object: string; readonly signal: AbortSignal | undefined },
    act: (connected: () => Promise<Session>) => Promise<T>,
  ): Promise<T> {
    const { signal, ...failed } = call;
    return explained({ backend: this.#name, ...failed }, () => {
      signal?.throwIfAborted();
      return this.#unfinished.untilAborted(
        act(() => this.#connection.session()),
        signal,
      );
    });
  }
}

function otherContent(): ValenceError {
  return new ValenceError('backend/already-exists', 'the object exists with other content', {
    hint: 'the names of objects are never used again; check that no other vault is kept there',
  });
}
