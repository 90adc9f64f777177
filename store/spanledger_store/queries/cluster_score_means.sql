-- What was said of the calls of each cluster, and of their traces, by name of score.
SELECT c.cluster AS cluster, r.name AS name, count() AS scores, avg(r.value) AS mean
FROM (${calls}) AS c
INNER JOIN
(
    SELECT trace_id, span_id, name, value FROM scores
    WHERE project_id = {project:String} AND isNotNull(value) AND trace_id != ''
) AS r ON c.trace_id = r.trace_id
WHERE r.span_id = '' OR r.span_id = c.span_id
GROUP BY cluster, name
ORDER BY cluster, name
