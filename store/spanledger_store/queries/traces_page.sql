-- One page of traces in a total order; the next page begins after the last row's (sort_key, trace_id).
SELECT *, toString(${sort_key}) AS sort_key
FROM (${matched})
WHERE ${after}
ORDER BY ${sort_key} DESC, trace_id DESC
LIMIT {limit:UInt32}
