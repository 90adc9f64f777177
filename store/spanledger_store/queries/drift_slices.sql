-- Values of a dimension with enough sessions in a stretch to be looked at by themselves, the most first.
SELECT ${column} AS value, uniq(${block}) AS sessions, count() AS calls
FROM spans
WHERE ${chosen} AND ${column} != ''
GROUP BY value
HAVING sessions >= {least:UInt64}
ORDER BY sessions DESC, value
LIMIT {limit:UInt32}
