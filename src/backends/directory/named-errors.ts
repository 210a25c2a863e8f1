import { ValenceError, isValenceError } from '../../core/errors.ts';

/** Names the backend and the operation in every backend error that leaves `act`; other errors pass unchanged. */
export async function named<T>(backend: string, operation: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (!isValenceError(error) || !error.code.startsWith('backend/')) throw error;
    throw new ValenceError(error.code, `backend ${backend}: ${error.message}`, {
      hint: error.hint,
      context: { ...error.context, backend, operation },
      cause: error.cause ?? error,
    });
  }
}
