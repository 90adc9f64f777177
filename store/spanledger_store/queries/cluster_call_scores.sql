-- The mean of one score by call, of what was said of the call or its trace.
SELECT c.trace_id AS trace_id, c.span_id AS span_id, toFloat32(avg(r.value)) AS score
FROM (${calls}) AS c
INNER JOIN
(
    SELECT trace_id, span_id, value FROM scores
    WHERE project_id = {project:String} AND isNotNull(value) AND trace_id != '' AND name = {name:String}
) AS r ON c.trace_id = r.trace_id
WHERE r.span_id = '' OR r.span_id = c.span_id
GROUP BY trace_id, span_id
