-- What each price has made of the calls of a stretch of time, by model: the price list's entries and the user's own.
SELECT
    toString(provider) AS provider, toString(model) AS model, toString(price_source) AS price_source,
    sum(call_count) AS calls, sum(ifNull(cost_usd, 0)) AS cost_usd
FROM spans
WHERE is_billable AND project_id = {project:String}
  AND start_time >= {start:DateTime64(6, 'UTC')} AND start_time < {end:DateTime64(6, 'UTC')}
  AND ({customer:String} = '' OR customer = {customer:String})
  AND ({model:String} = '' OR model = {model:String})
GROUP BY provider, model, price_source
ORDER BY provider, model, price_source
