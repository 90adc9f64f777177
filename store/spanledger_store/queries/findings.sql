-- Findings of a project whose window touches a stretch, newest first.
SELECT
    project_id, id, kind, method, slice, start, end, grain, first_detected_at, detected_at, severity,
    actual, expected, lower, upper, unit, impact_usd, score, p_value, confidence, evidence, state
FROM findings
WHERE project_id = {project:String}
  AND (empty({ids:Array(String)}) OR id IN {ids:Array(String)})
  AND (empty({kinds:Array(String)}) OR kind IN {kinds:Array(String)})
  AND (empty({states:Array(String)}) OR state IN {states:Array(String)})
  AND start < {end:DateTime64(3, 'UTC')} AND end >= {start:DateTime64(3, 'UTC')}
ORDER BY start DESC, id
LIMIT {limit:UInt64}
