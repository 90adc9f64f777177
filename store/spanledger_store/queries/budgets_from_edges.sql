-- A fragment: what of a window is no whole hour of the books, at its beginning and its end, from spans.
SELECT customer, feature, team, provider, model, environment, call_count AS calls,
    if(isNull(span_cost) AND price_source = '', call_count, 0) AS unpriced_calls, ifNull(span_cost, 0) AS cost_usd
FROM
(
    SELECT customer, feature, team, provider, model, environment, call_count, price_source, cost_usd AS span_cost
    FROM span_rows FINAL
    PREWHERE project_id = {project:String}
      AND start_time >= {start:DateTime64(9, 'UTC')} AND start_time < {end:DateTime64(9, 'UTC')}
      AND (start_time < {whole_from:DateTime64(9, 'UTC')} OR start_time >= {whole_to:DateTime64(9, 'UTC')})
    WHERE is_billable
)
