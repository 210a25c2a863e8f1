import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { KillOrder, KillReport } from '../drills/kill-child.ts';
import type { NotedOrder, NotedReport } from '../drills/kill-child-noted.ts';
import type { PipelineOrder } from '../drills/kill-child-pipeline.ts';
import type { NotedChange } from './noted-files.ts';

/** How a child ended, and what it had told until then. */
export interface KilledProcess {
  readonly signal: NodeJS.Signals | null;
  readonly exitCode: number | null;
  readonly reports: readonly (KillReport | NotedReport)[];
  /** For messages: what it wrote to stderr. */
  readonly errors: string;
}

/** `valence` on a home: drills/kill-child.ts. */
export function runUntilKilled(order: KillOrder): Promise<KilledProcess> {
  return untilClosed('kill-child.ts', order);
}

/** One run of the pipeline alone: drills/kill-child-pipeline.ts. */
export function pipelineUntilKilled(order: PipelineOrder): Promise<KilledProcess> {
  return untilClosed('kill-child-pipeline.ts', order);
}

/** A restore that nobody kills, by what it did to files: drills/kill-child-noted.ts. */
export async function notedRestore(order: NotedOrder): Promise<readonly NotedChange[]> {
  const { exitCode, reports, errors } = await untilClosed('kill-child-noted.ts', order);
  const [report] = reports;
  if (report?.did === 'notes') return report.notes;
  throw new Error(`the restore ended with ${exitCode}: ${errors}`);
}

async function untilClosed(program: string, order: KillOrder | PipelineOrder | NotedOrder): Promise<KilledProcess> {
  const child = fork(join(import.meta.dirname, '../drills', program), [], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    // Bytes stay bytes.
    serialization: 'advanced',
    env: { PATH: process.env['PATH'] },
    execArgv: [],
  });
  child.send(order);
  const reports: (KillReport | NotedReport)[] = [];
  child.on('message', (report) => reports.push(report as KillReport | NotedReport));
  const errors: Buffer[] = [];
  child.stderr!.on('data', (piece: Buffer) => errors.push(piece));
  const [exitCode, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return { signal, exitCode, reports, errors: Buffer.concat(errors).toString() };
}
