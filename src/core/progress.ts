/** What long work reports while it runs. Renderers live in cli; domain code never prints. */
export interface ProgressEvent {
  /** What is being done now, e.g. "reading beliefs". */
  readonly stage: string;
  readonly done?: number | undefined;
  readonly total?: number | undefined;
  readonly unit?: 'bytes' | 'rows' | 'objects' | undefined;
}

export type ProgressSink = (event: ProgressEvent) => void;

export const silentProgress: ProgressSink = () => {};
