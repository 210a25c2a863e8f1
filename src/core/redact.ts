const PASSWORD_PARAMETERS: readonly string[] = ['password', 'sslpassword'];
const SHOWN_INSTEAD = '***';

/**
 * A URL fit to be printed: any password in it, before the host or as a parameter, is `***`. What cannot be read as a
 * URL is not shown at all, since it may hold a password anywhere.
 */
export function redactUrl(url: string): string {
  return withPassword(url, SHOWN_INSTEAD) ?? '(unreadable URL)';
}

/** The URL without its passwords. `null` if it cannot be read as a URL. */
export function stripUrlPassword(url: string): string | null {
  return withPassword(url, '');
}

/** True if the URL carries a password, or cannot be read. */
export function hasUrlPassword(url: string): boolean {
  return stripUrlPassword(url) !== url;
}

/** A URL without a password comes back letter for letter. */
function withPassword(text: string, replacement: string): string | null {
  if (!URL.canParse(text)) return null;
  const url = new URL(text);
  let found = false;
  if (url.password !== '') {
    url.password = replacement;
    found = true;
  }
  const parameters = [...url.searchParams.keys()];
  for (const name of parameters) {
    if (!PASSWORD_PARAMETERS.includes(name.toLowerCase())) continue;
    if (replacement === '') url.searchParams.delete(name);
    else url.searchParams.set(name, replacement);
    found = true;
  }
  return found ? url.href : text;
}
