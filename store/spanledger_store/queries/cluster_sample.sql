-- Calls that have a vector, of a sample of sessions by the hash of their names: whose they are, and with which chance
-- each was chosen. A session's chance falls with the size of its customer x feature; of a long one some calls are chosen.
SELECT start, trace_id, span_id, session, customer, user, feature, chance
FROM
(
    SELECT start, trace_id, span_id, who AS session, customer, user, feature, chance
    FROM
    (
        SELECT
            toUnixTimestamp64Nano(start_time) AS start, trace_id, span_id,
            if(session = '', trace_id, session) AS who, customer, user, feature
        FROM spans
        WHERE ${embedded}
    ) AS s
    INNER JOIN
    (
        SELECT who, rate * least(1., {longest:UInt64} / calls) AS chance
        FROM
        (
            SELECT who, calls, least(1., {level:Float64} / pow(size, {power:Float64})) AS rate
            FROM (${sessions})
        )
        WHERE cityHash64(who) / 18446744073709551616. < rate
    ) AS c USING (who)
    ORDER BY cityHash64(start, trace_id, span_id)
    LIMIT {longest:UInt64} BY session
)
ORDER BY start, trace_id, span_id
