-- What was billed by UTC day, summed over what tells lines apart. `places` is the most decimal places of one amount.
SELECT
    toUnixTimestamp(day) AS at,
    toInt64(ceil((toUnixTimestamp64Nano(end_time) - toUnixTimestamp64Nano(start_time)) / 86400000000000)) AS days,
    provider, kind, sku, model, usage_class, service_tier, currency, unit,
    sum(amount) AS amount,
    if(countIf(isNull(quantity)) = 0, sum(quantity), NULL) AS quantity,
    count() AS lines,
    max(length(splitByChar('.', toString(b.amount))[2])) AS places
FROM bills AS b
WHERE project_id = {project:String} AND day >= {start:DateTime('UTC')} AND day < {end:DateTime('UTC')}
GROUP BY at, days, provider, kind, sku, model, usage_class, service_tier, currency, unit
ORDER BY at, provider, kind, model, sku, usage_class, service_tier, currency, unit, days
