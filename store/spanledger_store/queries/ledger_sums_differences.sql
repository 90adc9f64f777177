-- Days of which a line is not the sum of what it sums up, with what is lacking of cost and calls (negative: too much).
SELECT
    project_id, toDateTime(day, 'UTC') AS hour,
    sum(if(is_finer, 1, -1) * toInt64(p.calls)) AS calls,
    sumIf(p.cost_usd, is_finer) - sumIf(p.cost_usd, NOT is_finer) AS cost_usd
FROM (${both}) AS p
GROUP BY project_id, day, ${keys}
HAVING ${differ}
ORDER BY project_id, day
LIMIT 1000
