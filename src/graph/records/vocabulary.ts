/** The closed sets of the substrate, as the CHECK constraints of migrations/0001_substrate.sql have them. */

export const BELIEF_STATUSES = ['active', 'superseded', 'disputed', 'archived'] as const;
export type BeliefStatus = (typeof BELIEF_STATUSES)[number];

export const EDGE_TYPES = ['supports', 'contradicts', 'supersedes', 'derives_from'] as const;
export type EdgeType = (typeof EDGE_TYPES)[number];

/** Bytes of UTF-8. */
export const CONTENT_BYTES_MAX: number = 16 * 1024 * 1024;
/** Numbers of one embedding. */
export const VECTOR_LENGTH_MAX = 16_000;
