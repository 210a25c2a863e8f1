import { idBeginning } from './parsers.ts';

/** Arguments that mean the same for several commands. */

export interface IdArgument {
  readonly parse: (input: string) => string;
  readonly placeholder: string;
  readonly brief: string;
}

export const beliefArgument: IdArgument = {
  parse: idBeginning,
  placeholder: 'ID',
  brief: 'id of a belief, or its first characters',
};
export const sourceArgument: IdArgument = {
  parse: idBeginning,
  placeholder: 'ID',
  brief: 'id of a source, or its first characters',
};
export const edgeArgument: IdArgument = {
  parse: idBeginning,
  placeholder: 'ID',
  brief: 'id of an edge, or its first characters',
};
