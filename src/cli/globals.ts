import { ValenceError } from '../core/errors.ts';

/** Options that stand before or after the verb, and mean the same for every command. */
export interface GlobalOptions {
  readonly home: string | undefined;
  readonly database: string | undefined;
  readonly json: boolean;
  readonly yes: boolean;
  readonly version: boolean;
}

export interface ParsedGlobals {
  readonly globals: GlobalOptions;
  /** The command line without them. */
  readonly rest: readonly string[];
}

/** Name, placeholder of its value (`null`: a switch) and one line of help, for help texts, completion and docs/cli.md. */
export const GLOBAL_OPTIONS: readonly (readonly [name: string, placeholder: string | null, brief: string])[] = [
  ['home', 'DIR', 'home of the installation (VALENCE_HOME, else ~/.valence)'],
  ['database', 'URL', 'Postgres to use (DATABASE_URL, else the database embedded in the home)'],
  ['json', null, 'one JSON object a line on standard output, errors as one on standard error'],
  ['yes', null, 'do not ask before what cannot be undone'],
  ['version', null, 'print the version and exit'],
];

/**
 * Takes the global options out of a command line, wherever they stand; `--` ends options.
 * @throws `usage/invalid` for a missing value, a value given to a switch, and an option given twice
 */
export function parseGlobals(argv: readonly string[]): ParsedGlobals {
  const values = new Map<string, string>();
  const rest: string[] = [];
  for (let index = 0; index < argv.length; index++) {
    const word = argv[index]!;
    if (word === '--') {
      rest.push(...argv.slice(index));
      break;
    }
    const option = matchOption(word);
    if (option === null) {
      rest.push(ofOneLetter(word));
      continue;
    }
    if (values.has(option.name)) throw usage(`--${option.name} is given twice`);
    if (option.placeholder === null || option.value !== undefined) {
      values.set(option.name, valueOf(option));
    } else {
      index += 1;
      values.set(option.name, valueOf({ ...option, value: argv[index] }));
    }
  }
  return { globals: toGlobals(values), rest };
}

/** The parser of the command line knows options of one letter behind one dash only; people write two as for any other. */
function ofOneLetter(word: string): string {
  return /^--[a-z](=|$)/.test(word) ? word.slice(1) : word;
}

interface Match {
  readonly name: string;
  readonly placeholder: string | null;
  readonly value: string | undefined;
}

function matchOption(word: string): Match | null {
  const equals = word.indexOf('=');
  const name = equals < 0 ? word : word.slice(0, equals);
  const known = GLOBAL_OPTIONS.find(([option]) => name === `--${option}`);
  return known === undefined
    ? null
    : { name: known[0], placeholder: known[1], value: equals < 0 ? undefined : word.slice(equals + 1) };
}

function valueOf({ name, placeholder, value }: Match): string {
  if (placeholder === null) {
    if (value !== undefined) throw usage(`--${name} takes no value`);
    return '';
  }
  if (value === undefined || value === '' || value.startsWith('--'))
    throw usage(`--${name} needs a value: --${name} ${placeholder}`);
  return value;
}

function toGlobals(values: ReadonlyMap<string, string>): GlobalOptions {
  return {
    home: values.get('home'),
    database: values.get('database'),
    json: values.has('json'),
    yes: values.has('yes'),
    version: values.has('version'),
  };
}

function usage(message: string): ValenceError {
  return new ValenceError('usage/invalid', message, { hint: 'see `valence --help`' });
}
