-- How many calls there are in sessions whose customer x feature is so large, no more counting of a session than are read.
SELECT size, sum(least(calls, {longest:UInt64})) AS calls
FROM (${sessions})
GROUP BY size
ORDER BY size
