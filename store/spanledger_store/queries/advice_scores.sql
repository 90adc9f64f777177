-- Scores of calls by feature, model and name, summed over sessions (a trace, where there is none): what is told of one
-- session is one voice. A score of a span counts for its call, one of a trace for the model that answered all of it.
SELECT feature, model_name, name, count() AS units, avg(voice) AS mean, varSamp(voice) AS variance
FROM
(
    SELECT feature, model_name, name, unit, avg(value) AS voice
    FROM
    (
        SELECT c.feature AS feature, c.model_name AS model_name, s.name AS name, c.unit AS unit, s.value AS value
        FROM scores AS s
        INNER JOIN
        (
            SELECT trace_id, span_id, toString(feature) AS feature, toString(model) AS model_name,
                   if(session = '', trace_id, session) AS unit
            FROM span_rows FINAL
            PREWHERE project_id = {project:String}
              AND start_time >= {start:DateTime64(9, 'UTC')} AND start_time < {end:DateTime64(9, 'UTC')}
            WHERE is_billable AND operation != 'embeddings' AND ${where}
        ) AS c ON s.trace_id = c.trace_id AND s.span_id = c.span_id
        WHERE s.project_id = {project:String} AND s.time >= {start:DateTime64(9, 'UTC')} AND isNotNull(s.value)
        UNION ALL
        SELECT c.one_feature AS feature, c.one_model AS model_name, s.name AS name, c.unit AS unit, s.value AS value
        FROM scores AS s
        INNER JOIN
        (
            SELECT trace_id, any(toString(feature)) AS one_feature, any(toString(model)) AS one_model,
                   any(if(session = '', trace_id, session)) AS unit
            FROM span_rows FINAL
            PREWHERE project_id = {project:String}
              AND start_time >= {start:DateTime64(9, 'UTC')} AND start_time < {end:DateTime64(9, 'UTC')}
            WHERE is_billable AND operation != 'embeddings' AND ${where}
            GROUP BY trace_id
            HAVING uniqExact(feature, model) = 1
        ) AS c ON s.trace_id = c.trace_id
        WHERE s.project_id = {project:String} AND s.time >= {start:DateTime64(9, 'UTC')} AND isNotNull(s.value)
          AND s.span_id = ''
    )
    GROUP BY feature, model_name, name, unit
)
GROUP BY feature, model_name, name
ORDER BY feature, model_name, name
