-- Findings that name traces of which a deletion takes spans, each with those.
SELECT
    id,
    arrayIntersect(
        extractAll(evidence, '[0-9a-f]{32}'),
        (SELECT groupUniqArray(trace_id) FROM deletion_rows WHERE run = {run:String} AND length(trace_id) = 32)
    ) AS named
FROM finding_rows
WHERE project_id = {project:String} AND notEmpty(named)
