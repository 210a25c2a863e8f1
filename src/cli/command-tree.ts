import type { Command, RouteMap } from '@stricli/core';
import type { CliContext } from './command-context.ts';
import { GLOBAL_OPTIONS } from './globals.ts';

/** A command, or the commands of a noun. */
export type Target = Command<CliContext> | RouteMap<CliContext>;

/** The command or noun that the leading words of a command line lead to, and those words. */
export function findTarget(root: Target, words: readonly string[]): { target: Target; path: readonly string[] } {
  const path: string[] = [];
  let target = root;
  for (const word of words) {
    const next: Target | undefined = isNoun(target) ? target.getRoutingTargetForInput(word) : undefined;
    if (next === undefined) break;
    target = next;
    path.push(word);
  }
  return { target, path };
}

/** What may follow a noun; nothing after a command. */
export function verbNames(target: Target): string[] {
  if (!isNoun(target)) return [];
  return target
    .getAllEntries()
    .filter((entry) => !entry.hidden)
    .map((entry) => entry.name['convert-camel-to-kebab']);
}

/** Options a command takes, global ones included, without dashes. */
export function optionNames(target: Target): string[] {
  const own = isNoun(target) ? [] : Object.keys(target.parameters.flags ?? {}).map(externalName);
  return [...own, ...GLOBAL_OPTIONS.map(([name]) => name), 'help'];
}

/** `onConflict` as it is typed: `on-conflict`. */
export function externalName(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function isNoun(target: Target): target is RouteMap<CliContext> {
  return 'getAllEntries' in target;
}
