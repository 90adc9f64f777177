-- What slices of one shape have spent in one window: their values, calls, calls without a price, US dollars.
SELECT ${slice} AS slice, sum(c.calls) AS n, sum(c.unpriced_calls) AS unpriced, sum(c.cost_usd) AS spent
FROM (${sources}) AS c
WHERE ${where}
GROUP BY slice
