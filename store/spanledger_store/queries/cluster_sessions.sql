-- A fragment: sessions (calls without one are one each trace) with their calls that have a vector. A session is of the
-- rarest customer x feature that it asks in, which has `size` calls in all.
SELECT who, sum(part) AS calls, min(whole) AS size
FROM
(
    SELECT who, part, sum(part) OVER (PARTITION BY customer, feature) AS whole
    FROM
    (
        SELECT if(session = '', trace_id, session) AS who, customer, feature, count() AS part
        FROM spans
        WHERE ${embedded}
        GROUP BY who, customer, feature
    )
)
GROUP BY who
