-- The commonest values of some dimensions, with the matching traces that hold each. Traces that hold the same values
-- are counted together first, and are many; only then are their values taken apart.
SELECT pair.1 AS dimension, pair.2 AS label, sum(alike) AS traces
FROM
(
    SELECT arrayJoin(${pairs}) AS pair, alike
    FROM (SELECT held, count() AS alike FROM (${matched}) GROUP BY held)
)
WHERE label != ''
GROUP BY dimension, label
ORDER BY traces DESC, label
LIMIT {limit:UInt32} BY dimension
