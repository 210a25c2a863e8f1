import type { Config } from '../config/schema.ts';
import { ValenceError } from '../core/errors.ts';
import { nearest } from '../core/nearest.ts';

/** Every tier, or the one asked for. @throws `config/invalid`, `usage/invalid` */
export function tierNames(config: Config, tier: string | undefined): string[] {
  if (config.tiers.size === 0) {
    throw new ValenceError('config/invalid', 'no tier is configured', {
      hint: 'set one with `valence backup config --tier NAME --backends …`',
    });
  }
  if (tier === undefined) return [...config.tiers.keys()];
  if (config.tiers.has(tier)) return [tier];
  throw noSuchTier(tier, [...config.tiers.keys()]);
}

/** That a tier is none of these. */
export function noSuchTier(tier: string, known: readonly string[]): ValenceError {
  const near = nearest(tier, known);
  if (known.length === 0) return new ValenceError('usage/invalid', `there is no tier ${tier}, nor any other`);
  return new ValenceError('usage/invalid', `there is no tier ${tier}`, {
    hint: near === null ? `the tiers are ${known.join(', ')}` : `did you mean ${near}?`,
  });
}
