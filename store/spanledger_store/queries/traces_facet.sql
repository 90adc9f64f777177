-- The commonest values of one dimension, with the matching traces that hold each.
SELECT ${dimension} AS label, uniqExact(trace_id) AS traces
FROM spans
WHERE project_id = {project:String}
  AND start_time >= {start:DateTime64(9, 'UTC')} - INTERVAL 1 HOUR
  AND start_time < {end:DateTime64(9, 'UTC')} + INTERVAL 1 HOUR
  AND ${dimension_known}
  AND trace_id IN (SELECT trace_id FROM (${matched}))
GROUP BY label
ORDER BY traces DESC, label
LIMIT {limit:UInt32}
