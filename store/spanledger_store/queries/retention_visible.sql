-- Visible rows of each part of those months, and the expired ones among them.
SELECT _part AS part, count() AS n, countIf(${expired}) AS gone
FROM ${table}
WHERE toYYYYMM(${time}) <= toYYYYMM({latest:DateTime('UTC')})
GROUP BY part
