import { attachVault } from './attach.ts';
import type { AppContext } from './context.ts';
import type { VaultCalls } from './vault-calls.ts';

export { examine } from './doctor.ts';
export { keyCalls } from './keys.ts';

/** Implements `VaultCalls`. */
export function vaultCalls(context: AppContext): VaultCalls {
  return { attach: (options) => attachVault(context, options) };
}
