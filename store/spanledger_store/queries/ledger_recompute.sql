-- Replaces the given hours of one project: the sums of their spans, what is frozen of them, and a row of zeros
-- for every slice that an hour had and has no more. The revision counts up, so no clock decides which row wins.
INSERT INTO ledger_rows
SELECT
    project_id, hour, customer, feature, team, provider, model, prompt_name, prompt_version, environment, release,
    sum(p.calls), sum(p.errors), sum(p.unpriced_calls), sum(p.cache_hits),
    sum(p.input_tokens), sum(p.cache_read_tokens), sum(p.cache_write_tokens),
    sum(p.output_tokens), sum(p.reasoning_tokens), sum(p.other_tokens),
    sum(p.cost_usd), sum(p.input_cost_usd), sum(p.cache_read_cost_usd), sum(p.cache_write_cost_usd),
    sum(p.output_cost_usd), sum(p.other_cost_usd), sum(p.client_cost_usd),
    quantilesTDigestMergeState(0.5, 0.95, 0.99)(p.duration_digest),
    quantilesTDigestMergeState(0.5, 0.95, 0.99)(p.ttft_digest),
    (
        SELECT max(revision) + 1 FROM ledger_rows
        WHERE project_id = {project:String} AND hour IN {hours:Array(DateTime('UTC'))}
    )
FROM
(
    SELECT * EXCEPT (identities) FROM (${of_spans})
    UNION ALL
    SELECT * EXCEPT (id, identities) FROM frozen
    WHERE project_id = {project:String} AND hour IN {hours:Array(DateTime('UTC'))}
    UNION ALL
    SELECT
        project_id, hour, customer, feature, team, provider, model,
        prompt_name, prompt_version, environment, release,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        arrayReduce('quantilesTDigestState(0.5, 0.95, 0.99)', CAST([] AS Array(UInt64))),
        arrayReduce('quantilesTDigestState(0.5, 0.95, 0.99)', CAST([] AS Array(UInt64)))
    FROM ledger
    WHERE project_id = {project:String} AND hour IN {hours:Array(DateTime('UTC'))}
) AS p
GROUP BY
    project_id, hour, customer, feature, team, provider, model, prompt_name, prompt_version, environment, release
