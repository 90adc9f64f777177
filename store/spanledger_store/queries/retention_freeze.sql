-- Freezes calls of one day before their spans go: sums and identities in one row per hour and slice.
INSERT INTO frozen_rows (
    project_id, hour, customer, feature, team, provider, model, prompt_name, prompt_version, environment, release,
    id, calls, errors, unpriced_calls, cache_hits,
    input_tokens, cache_read_tokens, cache_write_tokens, output_tokens, reasoning_tokens, other_tokens,
    cost_usd, input_cost_usd, cache_read_cost_usd, cache_write_cost_usd, output_cost_usd, other_cost_usd,
    client_cost_usd, duration_digest, ttft_digest, identities
)
SELECT
    project_id, hour, customer, feature, team, provider, model, prompt_name, prompt_version, environment, release,
    sipHash64(identities), calls, errors, unpriced_calls, cache_hits,
    input_tokens, cache_read_tokens, cache_write_tokens, output_tokens, reasoning_tokens, other_tokens,
    cost_usd, input_cost_usd, cache_read_cost_usd, cache_write_cost_usd, output_cost_usd, other_cost_usd,
    client_cost_usd, duration_digest, ttft_digest, identities
FROM (${of_spans})
