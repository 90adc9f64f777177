-- Looks of a project in a stretch, oldest first.
SELECT
    slice, quantity, start, end, baseline_start, baseline_end, model, calls, baseline_calls, sessions,
    baseline_sessions, p_value, effect, leading, evidence, threshold, looks, since, alarmed, note
FROM drift
WHERE project_id = {project:String} AND start >= {start:DateTime64(9, 'UTC')} AND start < {end:DateTime64(9, 'UTC')}
  AND (empty({quantities:Array(String)}) OR quantity IN {quantities:Array(String)})
ORDER BY start, quantity, slice_key
LIMIT {limit:UInt32}
