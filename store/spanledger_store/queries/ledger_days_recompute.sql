-- Makes the given days of one project the sums of their hours. Only lines that differ are written: a line of zeros
-- where a slice has vanished from a day. The revision counts up, so no clock decides which row wins.
INSERT INTO ledger_day_rows
SELECT
    project_id, day, customer, feature, team, provider, model, prompt_name, prompt_version, environment, release,
    sumIf(p.calls, is_hour), sumIf(p.errors, is_hour), sumIf(p.unpriced_calls, is_hour), sumIf(p.cache_hits, is_hour),
    sumIf(p.input_tokens, is_hour), sumIf(p.cache_read_tokens, is_hour), sumIf(p.cache_write_tokens, is_hour),
    sumIf(p.output_tokens, is_hour), sumIf(p.reasoning_tokens, is_hour), sumIf(p.other_tokens, is_hour),
    sumIf(p.cost_usd, is_hour), sumIf(p.input_cost_usd, is_hour), sumIf(p.cache_read_cost_usd, is_hour),
    sumIf(p.cache_write_cost_usd, is_hour), sumIf(p.output_cost_usd, is_hour), sumIf(p.other_cost_usd, is_hour),
    sumIf(p.client_cost_usd, is_hour),
    (
        SELECT max(revision) + 1 FROM ledger_day_rows
        WHERE project_id = {project:String} AND day IN {days:Array(Date)}
    )
FROM (${both}) AS p
GROUP BY
    project_id, day, customer, feature, team, provider, model, prompt_name, prompt_version, environment, release
HAVING ${differ}
