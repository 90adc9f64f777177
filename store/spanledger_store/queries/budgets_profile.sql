-- How spend lies in the week: by slice, weekday (Monday is 0) and hour of a zone's clock.
SELECT ${slice} AS slice, toDayOfWeek(c.hour, 1, {zone:String}) AS weekday, toHour(c.hour, {zone:String}) AS clock,
    toUnixTimestamp(min(c.hour)) AS earliest, toFloat64(sum(c.cost_usd)) AS spent
FROM ledger AS c
WHERE c.project_id = {project:String} AND c.hour >= {start:DateTime('UTC')} AND c.hour < {end:DateTime('UTC')}
  AND ${where}
GROUP BY slice, weekday, clock
