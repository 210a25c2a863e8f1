import type { ObjectName, Backend, PutOptions, CallOptions } from '../backend.ts';
import type { BackendOperation } from './passing-backend.ts';
import { backendError } from '../backend-error.ts';
import { checkObjectName } from '../object-name.ts';
import { PassingBackend } from './passing-backend.ts';

/** Reads only: `put`, `delete` and `lock` reject `backend/denied` and change nothing. `name`: how errors call it. */
export function readOnly(inner: Backend, { name }: { readonly name: string }): Backend {
  return new ReadOnlyBackend(inner, name);
}

class ReadOnlyBackend extends PassingBackend {
  readonly #name: string;

  constructor(inner: Backend, name: string) {
    super(inner);
    this.#name = name;
  }

  override async put(name: ObjectName, _: Uint8Array, options?: PutOptions): Promise<void> {
    this.#refuse('put', name, options);
  }

  override async delete(name: ObjectName, options?: CallOptions): Promise<void> {
    this.#refuse('delete', name, options);
  }

  protected override async lockObject(name: ObjectName, _: number, options?: CallOptions): Promise<void> {
    this.#refuse('lock', name, options);
  }

  #refuse(operation: BackendOperation, object: string, options: CallOptions | undefined): never {
    checkObjectName(object);
    options?.signal?.throwIfAborted();
    throw backendError('backend/denied', { backend: this.#name, operation, object }, 'opened for reading only', {
      hint: 'leave out what makes this backend read-only if it is to be written to',
    });
  }
}
