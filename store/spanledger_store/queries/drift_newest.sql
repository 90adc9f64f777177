-- The newest look at each slice and quantity of a project.
SELECT
    slice, quantity, start, end, baseline_start, baseline_end, model, calls, baseline_calls, sessions,
    baseline_sessions, p_value, effect, leading, evidence, threshold, looks, since, alarmed, note
FROM drift
WHERE project_id = {project:String}
ORDER BY start DESC
LIMIT 1 BY quantity, slice_key
