import { cpSync } from 'node:fs';

/** Copies a folder with all in it. Of a database's thousand files the asynchronous copy makes ten times the work. */
export function copyFolder(from: string, to: string): void {
  cpSync(from, to, { recursive: true });
}
