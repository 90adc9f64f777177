-- Sums per value of one dimension, the dearest first; '' is a value like any other: what nobody is named for.
SELECT
    ${dimension} AS label,
    ${teams} AS teams,
    ${sums}
FROM (${source}) AS c
WHERE ${where}
GROUP BY label
ORDER BY cost_usd DESC, calls DESC, label
LIMIT {limit:UInt32}
