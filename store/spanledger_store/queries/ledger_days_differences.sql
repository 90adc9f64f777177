-- Days of which a line is not the sum of its hours, with what the days lack of cost and calls (negative: too much).
SELECT
    project_id, toDateTime(day, 'UTC') AS hour,
    sum(if(is_hour, 1, -1) * toInt64(p.calls)) AS calls,
    sumIf(p.cost_usd, is_hour) - sumIf(p.cost_usd, NOT is_hour) AS cost_usd
FROM (${both}) AS p
GROUP BY
    project_id, day, customer, feature, team, provider, model, prompt_name, prompt_version, environment, release
HAVING ${differ}
ORDER BY project_id, day
LIMIT 1000
