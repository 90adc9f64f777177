-- Billable calls without a price by what they called, the most frequent first, beside the number of all calls.
SELECT provider, model, sum(unpriced_calls) AS unpriced, (SELECT sum(calls) FROM ledger) AS all_calls
FROM ledger
WHERE unpriced_calls > 0
GROUP BY provider, model
ORDER BY unpriced DESC, provider, model
