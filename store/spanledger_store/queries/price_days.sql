-- What each price has made of the calls of each UTC day of a stretch of time, by model.
SELECT
    toDate(start_time) AS day, toString(model) AS model, toString(price_source) AS price_source,
    sum(call_count) AS calls, sum(ifNull(cost_usd, 0)) AS cost_usd
FROM spans
WHERE is_billable AND project_id = {project:String}
  AND start_time >= {start:DateTime64(6, 'UTC')} AND start_time < {end:DateTime64(6, 'UTC')}
GROUP BY day, model, price_source
ORDER BY day, model, price_source
