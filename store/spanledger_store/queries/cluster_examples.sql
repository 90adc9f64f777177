-- The calls that stand for the clusters of a codebook, and how they begin, where that is still kept.
SELECT
    transform(a.cluster, {merged:Array(UInt32)}, {into:Array(UInt32)}, a.cluster) AS cluster, a.exemplar AS rank,
    a.trace_id AS trace_id, a.span_id AS span_id, s.input_preview AS text
FROM
(
    SELECT start_time, trace_id, span_id, cluster, exemplar FROM assignments
    WHERE project_id = {project:String} AND codebook = {codebook:String} AND exemplar > 0
) AS a
INNER JOIN
(
    SELECT start_time, trace_id, span_id, input_preview FROM span_rows FINAL
    PREWHERE project_id = {project:String} AND (start_time, trace_id, span_id) IN (
        SELECT start_time, trace_id, span_id FROM assignments
        WHERE project_id = {project:String} AND codebook = {codebook:String} AND exemplar > 0
    )
    WHERE is_billable AND input_preview != ''
) AS s ON a.start_time = s.start_time AND a.trace_id = s.trace_id AND a.span_id = s.span_id
ORDER BY cluster, rank, trace_id, span_id
