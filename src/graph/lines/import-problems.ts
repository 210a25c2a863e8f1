import { ValenceError } from '../../core/errors.ts';

/** One thing that is wrong with an import. */
export interface ImportProblem {
  /** Number of the input. */
  readonly file: number;
  readonly line: number;
  readonly reason: string;
  /** Where the first of two lines that exclude each other stands. */
  readonly other?: { readonly file: number; readonly line: number } | undefined;
}

/** How many are told; the rest are counted. */
export const PROBLEMS_SHOWN_MAX = 100;

/** Counts every problem and keeps the first hundred in the order of files and lines. */
export class ImportProblems {
  readonly #names: readonly string[];
  #kept: ImportProblem[] = [];
  #total = 0;

  /** The names of the inputs. */
  constructor(names: readonly string[]) {
    this.#names = names;
  }

  /** `total` counts these and those that were left out of them. */
  add(problems: readonly ImportProblem[], total: number = problems.length): void {
    this.#total += total;
    if (problems.length === 0) return;
    const all = [...this.#kept, ...problems];
    this.#kept = all.sort((a, b) => a.file - b.file || a.line - b.line).slice(0, PROBLEMS_SHOWN_MAX);
  }

  /** @throws `import/invalid` when there is any, with `{ total, problems: [{ file, line, reason }] }` */
  refuse(): void {
    if (this.#total === 0) return;
    const problems = this.#kept.map((problem) => ({
      file: this.#names[problem.file] ?? '',
      line: problem.line,
      reason: this.#reason(problem),
    }));
    const count = this.#total === 1 ? '1 problem' : `${this.#total} problems`;
    throw new ValenceError('import/invalid', `the import has ${count} and nothing was imported`, {
      hint: 'correct the lines listed and import again; of what the database has already, --on-conflict says whether to skip or update it',
      context: { total: this.#total, problems },
    });
  }

  #reason({ file, reason, other }: ImportProblem): string {
    if (other === undefined) return reason;
    return `${reason} line ${other.line}${other.file === file ? '' : ` of ${this.#names[other.file] ?? ''}`}`;
  }
}
