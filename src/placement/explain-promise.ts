import { ValenceError } from '../core/errors.ts';
import { fatalDomains } from './failure-domains.ts';
import type { Domains } from './failure-domains.ts';
import { placings, promisedBy } from './promise.ts';

/**
 * Why a layout cannot keep the promise asked of it, in figures, and what would mend it. Pure arithmetic on what is
 * configured: nothing of it is ever guessed, each change offered has been tried.
 */

export interface LayoutPlace {
  /** What the configuration calls it. */
  readonly name: string;
  /** `KIND:NAME`, e.g. `provider:aws`. */
  readonly domains: Domains;
}

export interface Layout {
  /** Any `k` of `n` shards rebuild a stripe; 1 of `n` for plain copies. */
  readonly profile: { readonly k: number; readonly n: number };
  /** At least `n`. */
  readonly places: readonly LayoutPlace[];
  /** How many failure domains may be lost, whichever they are, with everything still restorable. */
  readonly survives: number;
}

/** One change after which the layout keeps its promise. */
export type Mend =
  | { readonly kind: 'move'; readonly moves: readonly { readonly place: string; readonly from: string }[] }
  /** So many places more, each in domains of its own. */
  | { readonly kind: 'add'; readonly count: number }
  | { readonly kind: 'profile'; readonly k: number; readonly n: number }
  | { readonly kind: 'accept'; readonly survives: number };

export interface BrokenPromise {
  /** The failure domains whose loss would be one too many. */
  readonly domains: readonly string[];
  /** Shards of one stripe that they would hold, at most. */
  readonly held: number;
  readonly mends: readonly Mend[];
  /** One clause, e.g. `3 of the 5 shards of a stripe would lie with provider:aws and only 2 may be lost (3/5): …`. */
  readonly message: string;
  /** What to do, one sentence. */
  readonly hint: string;
  /** The same without giving in; empty where there is nothing else. */
  readonly ways: string;
}

/** Null: the promise can be kept. */
export function explainPromise(layout: Layout): BrokenPromise | null {
  const loss = findFatalLoss(layout);
  if (loss === null) return null;
  const mends = findMends(layout);
  const others = mends.filter(({ kind }) => kind !== 'accept');
  return {
    ...loss,
    mends,
    message: messageOf(layout, loss),
    hint: hintOf(layout, loss, mends),
    ways: hintOf(layout, loss, others),
  };
}

/** The layout with that change made; places that are added or moved lie in domains of their own. */
export function mended(layout: Layout, mend: Mend): Layout {
  const { places } = layout;
  switch (mend.kind) {
    case 'move':
      return { ...layout, places: mend.moves.reduce(moved, places) };
    case 'add':
      return { ...layout, places: [...places, ...newPlaces(mend.count)] };
    case 'profile':
      return { ...layout, profile: { k: mend.k, n: mend.n } };
    case 'accept':
      return { ...layout, survives: mend.survives };
  }
}

interface FatalLoss {
  readonly domains: readonly string[];
  readonly held: number;
}

function keepsPromise({ profile, places, survives }: Layout): boolean {
  return promisedBy(profile, domainsOf(places)) >= survives;
}

function findFatalLoss(layout: Layout): FatalLoss | null {
  const { profile, places, survives } = layout;
  if (keepsPromise(layout)) return null;
  const fatal = profile.n - profile.k + 1;
  for (const placing of placings(profile, domainsOf(places))) {
    const placed = placing.map((index) => places[index]!.domains);
    const domains = fatalDomains(placed, fatal, survives);
    if (domains === null) continue;
    return { domains, held: placed.filter((own) => own.some((domain) => domains.includes(domain))).length };
  }
  // Index and manifest lie whole on every place, so that they are lost after any stripe.
  throw new ValenceError('internal/invariant', `a layout of ${places.length} places for ${profile.n} shards`);
}

function findMends(layout: Layout): Mend[] {
  const { profile, places } = layout;
  const mends: (Mend | null)[] = [
    findMove(layout),
    findFirst(profile.n, (i) => ({ kind: 'add', count: i + 1 }), layout),
    profile.k === 1
      ? null
      : findFirst(profile.k - 1, (i) => ({ ...profile, kind: 'profile', k: profile.k - 1 - i }), layout),
    { kind: 'accept', survives: Math.max(0, promisedBy(profile, domainsOf(places))) },
  ];
  return mends.filter((mend) => mend !== null);
}

function findFirst(count: number, mendOf: (i: number) => Mend, layout: Layout): Mend | null {
  const mends = Array.from({ length: count }, (_, i) => mendOf(i));
  return mends.find((mend) => keepsPromise(mended(layout, mend))) ?? null;
}

/** One place after another leaves the largest of the domains that would be one loss too many. */
function findMove(layout: Layout): Mend | null {
  const moves: { place: string; from: string }[] = [];
  for (let now = layout; moves.length < layout.places.length; now = mended(layout, { kind: 'move', moves })) {
    const loss = findFatalLoss(now);
    if (loss === null) return { kind: 'move', moves };
    const from = loss.domains.find((domain) => sharing(now.places, domain).length > 1);
    if (from === undefined) return null;
    moves.push({ place: sharing(now.places, from).at(-1)!, from });
  }
  const mend: Mend = { kind: 'move', moves };
  return keepsPromise(mended(layout, mend)) ? mend : null;
}

function sharing(places: readonly LayoutPlace[], domain: string): string[] {
  return places.filter(({ domains }) => domains.includes(domain)).map(({ name }) => name);
}

function moved(
  places: readonly LayoutPlace[],
  { place, from }: { readonly place: string; readonly from: string },
): readonly LayoutPlace[] {
  return places.map((candidate) => {
    if (candidate.name !== place) return candidate;
    const elsewhere = `${kindOf(from)}:where ${place} would move`;
    return { ...candidate, domains: candidate.domains.map((domain) => (domain === from ? elsewhere : domain)) };
  });
}

function newPlaces(count: number): LayoutPlace[] {
  return Array.from({ length: count }, (_, i) => ({
    name: `new place ${i + 1}`,
    domains: [`device:new place ${i + 1}`],
  }));
}

function domainsOf(places: readonly LayoutPlace[]): Domains[] {
  return places.map(({ domains }) => domains);
}

function kindOf(domain: string): string {
  return domain.split(':', 1)[0]!;
}

function messageOf({ profile: { k, n } }: Layout, { domains, held }: FatalLoss): string {
  const spare = n - k;
  const may = spare === 0 ? 'none may be lost' : `only ${spare} may be lost`;
  const profile = k === 1 ? '' : ` (${k}/${n})`;
  const loss = domains.length > 1 ? 'the loss of these' : 'its loss';
  return `${shardsOf({ k, n }, held)} would lie with ${listed(domains, 'and')} and ${may}${profile}: ${loss} would lose the tier`;
}

function shardsOf({ k, n }: Layout['profile'], held: number): string {
  const what = k === 1 ? 'copies' : 'shards of a stripe';
  if (n === 1) return 'the only copy';
  return held === n ? `all ${n} ${what}` : `${held} of the ${n} ${what}`;
}

function hintOf({ places }: Layout, { domains }: FatalLoss, mends: readonly Mend[]): string {
  return listed(
    mends.map((mend) => describe(mend, places, domains)),
    'or',
  );
}

function describe(mend: Mend, places: readonly LayoutPlace[], domains: readonly string[]): string {
  switch (mend.kind) {
    case 'move':
      return describeMoves(mend.moves, places);
    case 'add':
      return mend.count === 1
        ? 'add a backend elsewhere'
        : `add ${mend.count} backends elsewhere, each apart from the others`;
    case 'profile':
      return `use ${mend.k}/${mend.n}`;
    case 'accept':
      return `accept ${domains.length > 1 ? 'that' : 'it'} with survives: ${mend.survives}`;
  }
}

function describeMoves(
  moves: readonly { readonly place: string; readonly from: string }[],
  places: readonly LayoutPlace[],
): string {
  const [first] = moves;
  if (moves.length === 1 && first !== undefined) {
    return `move one of ${listed(sharing(places, first.from), 'or')} to another ${kindOf(first.from)}`;
  }
  return `move ${listed(
    moves.map(({ place, from }) => `${place} to a ${kindOf(from)} of its own`),
    'and',
  )}`;
}

function listed(words: readonly string[], last: 'and' | 'or'): string {
  if (words.length < 2) return words.join('');
  return `${words.slice(0, -1).join(', ')}${last === 'or' && words.length > 2 ? ',' : ''} ${last} ${words.at(-1)!}`;
}
