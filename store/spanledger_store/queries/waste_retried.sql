-- A fragment: failed calls that were made again: under the same parent, by the same name and with the same input, as
-- far as their previews tell.
SELECT f.start_time, f.trace_id, f.span_id
FROM
(
    SELECT start_time, trace_id, span_id, parent_span_id, name, input_preview
    FROM span_rows FINAL
    PREWHERE project_id = {project:String}
      AND start_time >= {start:DateTime64(9, 'UTC')} AND start_time < {end:DateTime64(9, 'UTC')}
    WHERE is_billable AND status = 'error' AND parent_span_id != ''
) AS f
INNER JOIN
(
    SELECT trace_id, parent_span_id, name, input_preview, max(start_time) AS last
    FROM span_rows FINAL
    PREWHERE project_id = {project:String}
      AND start_time >= {start:DateTime64(9, 'UTC')} AND start_time < {later:DateTime64(9, 'UTC')}
      AND trace_id IN (
          SELECT trace_id FROM span_rows
          PREWHERE project_id = {project:String}
            AND start_time >= {start:DateTime64(9, 'UTC')} AND start_time < {end:DateTime64(9, 'UTC')}
          WHERE is_billable AND status = 'error'
      )
    WHERE is_billable
    GROUP BY trace_id, parent_span_id, name, input_preview
) AS l ON f.trace_id = l.trace_id AND f.parent_span_id = l.parent_span_id AND f.name = l.name
    AND f.input_preview = l.input_preview
WHERE l.last > f.start_time
