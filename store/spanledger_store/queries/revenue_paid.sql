-- What customers paid by month and currency.
SELECT month, customer, currency, sum(amount) AS total
FROM revenue
WHERE project_id = {project:String} AND month >= {start:DateTime('UTC')} AND month < {end:DateTime('UTC')}
GROUP BY month, customer, currency
ORDER BY month, customer, currency
