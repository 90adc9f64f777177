-- What was said of the calls of a cluster, and of their traces: mean value and share of each label by name of score.
SELECT r.name AS name, count() AS scores, avg(r.value) AS mean
FROM (${calls}) AS c
INNER JOIN
(
    SELECT trace_id, span_id, name, value FROM scores
    WHERE project_id = {project:String} AND isNotNull(value) AND trace_id != ''
) AS r ON c.trace_id = r.trace_id
WHERE c.cluster = {cluster:UInt32} AND (r.span_id = '' OR r.span_id = c.span_id)
GROUP BY name
ORDER BY scores DESC, name
LIMIT 20
