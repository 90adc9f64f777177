-- Ids of one page of traces in a total order. Only what decides the order is read.
SELECT trace_id
FROM (${matched})
WHERE ${after}
ORDER BY ${sort_key} DESC, trace_id DESC
LIMIT {limit:UInt32}
