-- What traces and their spans were scored from a moment on: every number.
SELECT trace_id, span_id, toString(name) AS score, toUnixTimestamp64Nano(time) AS at, value AS mean
FROM scores
WHERE project_id = {project:String} AND isNotNull(value) AND isFinite(value)
  AND time >= {start:DateTime64(9, 'UTC')}
ORDER BY at, trace_id, span_id, score, mean
