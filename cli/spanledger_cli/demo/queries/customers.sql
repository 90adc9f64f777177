-- The month by customer, from the ledger, the dearest first.
SELECT customer, sum(calls) AS calls, sum(errors) AS errors, sum(unpriced_calls) AS unpriced,
       sum(input_tokens) + sum(cache_read_tokens) + sum(cache_write_tokens) + sum(output_tokens)
           + sum(reasoning_tokens) AS tokens,
       if(unpriced < calls, toString(sum(cost_usd)), NULL) AS cost
FROM ledger
WHERE project_id = {project:String} AND hour >= {start:DateTime('UTC')} AND hour < {end:DateTime('UTC')}
GROUP BY customer
ORDER BY sum(cost_usd) DESC, customer
