-- Traces of a slice that cost most in a stretch, each with its cost.
SELECT trace_id, sum(cost_usd) AS cost_usd, min(start_time) AS at
FROM spans
WHERE project_id = {project:String} AND is_billable
  AND start_time >= {start:DateTime64(3, 'UTC')} AND start_time < {end:DateTime64(3, 'UTC')}
  AND ${where}
GROUP BY trace_id
ORDER BY cost_usd DESC NULLS LAST, trace_id
LIMIT {limit:UInt64}
