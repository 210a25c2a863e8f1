#!/usr/bin/env node
// Nothing is imported statically here: an older Node must reach the sentence below, not a syntax error.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 24 || (major === 24 && minor < 12)) {
  process.stderr.write(`valence: needs Node 24.12 or later, this is ${process.versions.node}\n`);
  process.exitCode = 1;
} else {
  const { main } = await import('./main.ts');
  await main();
}

export {};
