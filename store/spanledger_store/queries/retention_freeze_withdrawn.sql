-- Freezes, as nothing, spans that were billable in an older version and are not in the newest: should the newest leave
-- the disk first, the older one must not count.
INSERT INTO frozen_rows (project_id, hour, id, identities)
SELECT project_id, hour, sipHash64(identities), identities
FROM
(
    SELECT
        project_id, toDateTime64(toStartOfHour(start_time), 0, 'UTC') AS hour,
        arraySort(groupArray(${identity})) AS identities
    FROM spans
    WHERE NOT is_billable AND ${spans}
      AND (project_id, start_time, trace_id, span_id) IN (
          SELECT project_id, start_time, trace_id, span_id FROM span_rows WHERE is_billable AND ${spans}
      )
      AND (project_id, ${identity}) NOT IN (${frozen})
    GROUP BY project_id, hour
)
