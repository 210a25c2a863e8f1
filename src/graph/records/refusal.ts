import { isValenceError, ValenceError } from '../../core/errors.ts';
import { sqlstateOf } from '../../schema/database-error.ts';

/** What a constraint of migrations/0001_substrate.sql means to the one whose change it refuses. */
const REASONS: Readonly<Record<string, string>> = {
  beliefs_pkey: 'there is a belief with this id already',
  beliefs_content_check: 'the content of a belief is neither empty nor longer than 16 MiB',
  beliefs_confidence_check: 'a confidence lies between 0 and 1',
  beliefs_dimensions_check: 'the dimensions of a belief are a JSON object',
  beliefs_domains_check: 'the domains of a belief are texts, none of them empty',
  beliefs_metadata_check: 'metadata is a JSON object',
  beliefs_status_check: 'a belief is active, superseded, disputed or archived',
  beliefs_check: 'what is valid from one time is valid until a later one',
  sources_pkey: 'there is a source with this type and id already',
  sources_type_external_id_key: 'there is a source with this type and id already',
  sources_type_check: 'a source has a type',
  sources_external_id_check: 'a source has an id',
  sources_metadata_check: 'metadata is a JSON object',
  belief_sources_pkey: 'the belief names the same source twice',
  belief_edges_pkey: 'there is an edge with this id already',
  belief_edges_live: 'there is a live edge of this type between these beliefs already',
  belief_edges_check: 'an edge joins two different beliefs',
  belief_edges_check1: 'what is valid from one time is valid until a later one',
  belief_edges_weight_check: 'a weight lies between 0 and 1',
  belief_edges_metadata_check: 'metadata is a JSON object',
  belief_embeddings_model_id_dimensions_fkey: 'there is no model whose vectors are of this length',
};

/** Integrity constraint violations, and values that no column can take (PostgreSQL manual, appendix A). */
const REFUSAL = /^(22|23)/;

/** Runs a change; what the database's constraints refuse becomes `graph/refused`, said in words. */
export async function refusing<T>(change: () => Promise<T>): Promise<T> {
  try {
    return await change();
  } catch (error) {
    const sqlstate = sqlstateOf(error);
    if (!isValenceError(error) || sqlstate === null || !REFUSAL.test(sqlstate)) throw error;
    const constraint = error.context['constraint'];
    const known = typeof constraint === 'string' ? REASONS[constraint] : undefined;
    // Triggers and value parsers say in their own words what is wrong.
    const reason = known ?? (error.cause instanceof Error ? error.cause.message : error.message);
    throw new ValenceError('graph/refused', reason, { context: error.context, cause: error });
  }
}
