-- Writes spans once more, with their new prices and one nanosecond later than the rows they were computed from:
-- later whatever the clock says, and earlier than any arrival since. A row that has changed meanwhile is left alone.
-- Nothing costs less than 0: -1 stands for unknown, since the staging table cannot.
INSERT INTO span_rows
SELECT s.* REPLACE (
    nullIf(r.cost_usd, -1) AS cost_usd,
    nullIf(r.input_cost_usd, -1) AS input_cost_usd,
    nullIf(r.cache_read_cost_usd, -1) AS cache_read_cost_usd,
    nullIf(r.cache_write_cost_usd, -1) AS cache_write_cost_usd,
    nullIf(r.output_cost_usd, -1) AS output_cost_usd,
    nullIf(r.other_cost_usd, -1) AS other_cost_usd,
    r.price_source AS price_source,
    addNanoseconds(s.ingested_at, 1) AS ingested_at
)
FROM
(
    SELECT * FROM span_rows FINAL
    WHERE project_id = {project:String}
      AND start_time >= fromUnixTimestamp64Nano({start:Int64}, 'UTC')
      AND start_time <= fromUnixTimestamp64Nano({end:Int64}, 'UTC')
) AS s
INNER JOIN (SELECT * FROM repricing_rows FINAL WHERE run = {run:String}) AS r
    ON s.project_id = r.project_id AND s.start_time = r.start_time AND s.trace_id = r.trace_id
    AND s.span_id = r.span_id AND s.ingested_at = r.replaces
