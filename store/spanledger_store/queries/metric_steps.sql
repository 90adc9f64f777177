-- A fragment: what each metric point adds to what was known before it. A delta point is that itself. A cumulative one
-- adds its distance from the point before it of the same series and start, or all of it where it is the first since
-- that start or has fallen back, which means a counter that began anew. The first point of a series that does not say
-- when it started tells nothing.
SELECT
    project_id, name, time, model, operation, token_type, error_type, service, ingest_key, attributes,
    multiIf(
        temporality = 'delta', n,
        isNull(n_before), if(isNull(start_time), NULL, n),
        n >= n_before, n - n_before,
        n
    ) AS step_count,
    multiIf(
        temporality = 'delta', held,
        isNull(n_before), if(isNull(start_time), NULL, held),
        n >= n_before, held - held_before,
        held
    ) AS step_sum
FROM
(
    SELECT
        *,
        toNullable(toFloat64(ifNull(count, ifNull(value, 0)))) AS n,
        toNullable(ifNull(sum, ifNull(value, 0))) AS held,
        lagInFrame(n) OVER around AS n_before,
        lagInFrame(held) OVER around AS held_before
    FROM metrics
    WHERE project_id = {project:String} AND name IN {names:Array(String)} AND temporality != ''
      AND time <= {end:DateTime64(9, 'UTC')}
      AND time > (
          SELECT least({start:DateTime64(9, 'UTC')}, ifNull(
              minOrNull(ifNull(start_time, addDays(time, -40))) - toIntervalNanosecond(1), {start:DateTime64(9, 'UTC')}
          ))
          FROM metrics
          WHERE project_id = {project:String} AND name IN {names:Array(String)} AND temporality = 'cumulative'
            AND time > {start:DateTime64(9, 'UTC')} AND time <= {end:DateTime64(9, 'UTC')}
      )
    WINDOW around AS (
        PARTITION BY name, series, temporality, start_time ORDER BY time ROWS BETWEEN 1 PRECEDING AND CURRENT ROW
    )
)
WHERE time > {start:DateTime64(9, 'UTC')}
