-- A fragment: assigned calls with what they were, under the cluster that each is shown under.
SELECT
    transform(a.cluster, {merged:Array(UInt32)}, {into:Array(UInt32)}, a.cluster) AS cluster,
    a.weight AS weight, a.distance AS distance, a.x AS x, a.y AS y, a.exemplar AS exemplar, a.codebook AS codebook,
    s.start_time AS start_time, s.trace_id AS trace_id, s.span_id AS span_id, toDateTime(s.start_time, 'UTC') AS at,
    s.customer AS customer, s.user AS user, s.session AS session, s.feature AS feature, s.model AS model,
    s.provider AS provider, s.team AS team, s.environment AS environment, s.release AS release,
    s.prompt_version AS prompt_version, s.status AS status, s.duration_ns AS duration_ns, s.cost_usd AS cost_usd,
    s.call_count AS calls, s.input_preview AS input_preview
FROM
(
    SELECT start_time, trace_id, span_id, cluster, weight, distance, x, y, exemplar, codebook
    FROM assignments
    WHERE project_id = {project:String}
      AND start_time >= {start:DateTime64(9, 'UTC')} AND start_time < {end:DateTime64(9, 'UTC')}
) AS a
INNER JOIN
(
    SELECT * FROM span_rows FINAL
    PREWHERE project_id = {project:String}
      AND start_time >= {start:DateTime64(9, 'UTC')} AND start_time < {end:DateTime64(9, 'UTC')}
    WHERE is_billable AND ${where}
) AS s ON a.start_time = s.start_time AND a.trace_id = s.trace_id AND a.span_id = s.span_id
