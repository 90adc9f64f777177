-- What was forecast for days that are over beside what came, by how far ahead it was said. A day without calls came to 0.
SELECT
    ahead_group, count() AS targets, sum(f.mean) AS forecast, sum(a.actual) AS actual,
    sum(abs(f.mean - a.actual)) AS missed,
    avg(a.actual BETWEEN f.q25 AND f.q75) AS within_50,
    avg(a.actual BETWEEN f.q10 AND f.q90) AS within_80,
    avg(a.actual BETWEEN f.q05 AND f.q95) AS within_90
FROM
(
    SELECT value, target, mean, q05, q10, q25, q75, q90, q95, arrayFirst(g -> ahead <= g, {groups:Array(UInt16)}) AS ahead_group
    FROM forecasts
    WHERE project_id = {project:String} AND grain = 'day' AND dimension = {dimension:String}
      AND begins >= {start:DateTime64(0, 'UTC')}
      AND target < {end:DateTime64(0, 'UTC')} AND ahead <= {groups:Array(UInt16)}[-1]
) AS f
LEFT JOIN
(
    SELECT ${value} AS value, toStartOfDay(hour, 'UTC') AS day, sum(cost_usd) AS actual
    FROM ledger
    WHERE project_id = {project:String} AND hour >= {start:DateTime64(0, 'UTC')} AND hour < {end:DateTime64(0, 'UTC')}
    GROUP BY value, day
) AS a ON a.value = f.value AND a.day = toDateTime(f.target, 'UTC')
GROUP BY ahead_group
ORDER BY ahead_group
