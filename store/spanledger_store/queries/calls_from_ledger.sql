-- A fragment: billable calls of a project in whole UTC hours, from the books.
SELECT
    hour AS at, customer, feature, team, provider, model, prompt_version, environment, release,
    calls, errors, unpriced_calls, cache_hits,
    input_tokens, cache_read_tokens, cache_write_tokens, output_tokens, reasoning_tokens, other_tokens,
    cost_usd, input_cost_usd, cache_read_cost_usd, cache_write_cost_usd, output_cost_usd, other_cost_usd,
    duration_digest
FROM ledger_rows FINAL
WHERE project_id = {project:String} AND calls > 0
  AND hour >= {start:DateTime('UTC')} AND hour < {end:DateTime('UTC')}
