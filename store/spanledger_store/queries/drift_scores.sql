-- What those calls and their traces were scored: the mean of each name.
SELECT trace_id, span_id, toString(name) AS score, avg(value) AS mean
FROM scores
WHERE project_id = {project:String} AND isNotNull(value) AND isFinite(value)
  AND time >= {start:DateTime64(9, 'UTC')}
  AND trace_id IN (SELECT trace_id FROM spans WHERE ${chosen})
GROUP BY trace_id, span_id, score
