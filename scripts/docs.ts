/**
 * Writes docs/cli.md and docs/errors.md from the command tree and the table of exit statuses; with --check it writes
 * nothing and fails when they are not what they would be.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { generateHelpTextForAllCommands } from '@stricli/core';
import type { Application, CommandContext } from '@stricli/core';
import { createApplication } from '../src/cli/application.ts';
import { globalOptionsHelp } from '../src/cli/command-help.ts';
import { ERRORS, EXIT_NAMES } from '../src/cli/exit.ts';

const GENERATED = '<!-- Written by scripts/docs.ts (npm run docs); changes here are lost. -->';

const CLI_INTRODUCTION = `# The command line

${GENERATED}

\`valence\` is also a library: \`openValence(options)\` of the package gives the same calls, with the same errors.

\`\`\`text
${globalOptionsHelp()}
\`\`\`

\`--\` ends options. An option that takes a value takes it as \`--name VALUE\` or \`--name=VALUE\`. What is given twice is refused,
unless its help says *repeat*.

| Variable | Meaning |
|---|---|
| \`VALENCE_HOME\` | home of the installation, where \`--home\` is not given |
| \`DATABASE_URL\` | Postgres to use, where \`--database\` is not given |
| \`VALENCE_PASSPHRASE\` | passphrase of \`master.key\`; without it, it is asked for on the terminal |
| \`VALENCE_LOG\` | level (\`trace\`, \`debug\`, \`info\`, \`warn\`, \`error\`) of structured log lines on standard error; none without it |
| \`VALENCE_DEBUG\` | stack traces of internal errors |
| \`NO_COLOR\` | no colours in help |

Results go to standard output; errors, questions and progress to standard error, questions and progress only when that is a
terminal. With \`--json\` every result is one JSON object on a line of its own, with a \`type\`. An error then is one object on standard
error: \`{"type":"error","code","exit","message","hint","context"}\`; [errors.md](errors.md) lists codes and exit statuses. What is wrong
and keeps no command from its result, such as a location that cannot be reached, is \`{"type":"warning","message"}\` there. Fields may
be added to any object; programs should pass over what they do not know. Ids are lower case, times ISO 8601 in UTC, sizes bytes.

What cannot be undone asks first, on a terminal, or needs \`--yes\`. The first Ctrl-C ends the work in good order, with exit
status 130; a second one ends the process at once, which loses nothing that was reported as done.
`;

const ERRORS_INTRODUCTION = `# Errors and exit statuses

${GENERATED}

Every error has a code that does not change; match on it, never on the message. The command line ends with one of these statuses:
`;

function cliPage(): string {
  const application = createApplication([], () => {}) as unknown as Application<CommandContext>;
  const commands = generateHelpTextForAllCommands(application).map(([route, help]) => commandSection(route, help));
  return [CLI_INTRODUCTION, ...commands].join('\n');
}

/** Global options stand once, at the top. */
function commandSection(route: string, help: string): string {
  const own = help.replace(`${globalOptionsHelp()}\n\n`, '').trimEnd();
  return `## ${route}\n\n\`\`\`text\n${own}\n\`\`\`\n`;
}

function errorsPage(): string {
  const statuses = [...EXIT_NAMES].map(([exit, name]) => `| ${exit} | ${name} |`);
  const codes = Object.entries(ERRORS).map(
    ([code, { exit, meaning, remedy }]) => `| \`${code}\` | ${exit} | ${meaning} | ${remedy} |`,
  );
  return [
    ERRORS_INTRODUCTION,
    '| Status | Meaning |',
    '|---|---|',
    ...statuses,
    '',
    'Statuses 0 and 3 are results, and so are 41 and 42 where `backup verify` ends with them, and 41 where `backup repair` does; all others come with an error.',
    '',
    '| Code | Status | Meaning | What to do |',
    '|---|---|---|---|',
    ...codes,
    '',
  ].join('\n');
}

async function main(check: boolean): Promise<void> {
  const pages = { 'cli.md': cliPage(), 'errors.md': errorsPage() };
  for (const [name, text] of Object.entries(pages)) {
    const path = fileURLToPath(new URL(`../docs/${name}`, import.meta.url));
    const current = await readFile(path, 'utf8').catch(() => '');
    if (current === text) continue;
    if (check) {
      process.stderr.write(`docs/${name} is out of date: run \`npm run docs\`\n`);
      process.exitCode = 1;
    } else {
      await writeFile(path, text);
    }
  }
}

await main(process.argv.includes('--check'));
