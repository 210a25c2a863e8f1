/** Numbers and tables as people read them. Never used in JSON. */

const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** e.g. "912 B", "1.5 KiB", "12 MiB" */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < BYTE_UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit > 0 && value < 10 ? 1 : 0;
  return `${value.toFixed(digits)} ${BYTE_UNITS[unit]}`;
}

/** e.g. "0.4 s", "35 s", "12 min", "3.5 h" */
export function formatDuration(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  if (seconds < 100) return `${Math.round(seconds)} s`;
  const hours = seconds / 3600;
  return hours < 1.5 ? `${Math.round(seconds / 60)} min` : `${hours.toFixed(1)} h`;
}

/** e.g. "117,659" */
export function formatCount(count: number): string {
  return count.toLocaleString('en-US');
}

/** e.g. "1 belief", "2 beliefs" */
export function plural(count: number, singular: string, many: string = `${singular}s`): string {
  return `${formatCount(count)} ${count === 1 ? singular : many}`;
}

/** Rows as columns two spaces apart, the first row being the headings. The last column is not padded. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, cell.length);
    });
  }
  return rows.map((row) => formatRow(row, widths)).join('\n');
}

function formatRow(row: readonly string[], widths: readonly number[]): string {
  return row
    .map((cell, column) => cell.padEnd(widths[column] ?? 0))
    .join('  ')
    .trimEnd();
}

/** Of a list that was cut, e.g. "37 more are not shown: --limit shows more". */
export function notShown(more: number, option: string | null = '--limit'): string {
  const said = `${formatCount(more)} more ${more === 1 ? 'is' : 'are'} not shown`;
  return option === null ? said : `${said}: ${option} shows more`;
}
