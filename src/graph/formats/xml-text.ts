/**
 * Any text as text of an XML 1.0 element or attribute. Characters that XML 1.0 cannot hold, not even escaped (§2.2), become
 * ones that can: a control character the picture of it (U+2400 block), any other U+FFFD.
 */
export function xmlText(text: string): string {
  return text
    .toWellFormed()
    .replace(UNFIT, fit)
    .replace(SPECIAL, (character) => ENTITIES[character]!);
}

// eslint-disable-next-line no-control-regex -- control characters are what this is about
const UNFIT = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g;

/** Literal carriage returns would be read as line feeds, and in attributes line feeds and tabs as blanks (§2.11, §3.3.3). */
const SPECIAL = /[&<>"'\r\n\t]/g;

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
  '\r': '&#13;',
  '\n': '&#10;',
  '\t': '&#9;',
};

function fit(character: string): string {
  const code = character.charCodeAt(0);
  return code < 0x20 ? String.fromCharCode(0x2400 + code) : '\ufffd';
}
