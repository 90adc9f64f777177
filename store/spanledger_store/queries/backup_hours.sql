-- Every hour that has calls or books.
SELECT project_id, toDateTime(toStartOfHour(start_time), 'UTC') AS hour FROM span_rows WHERE is_billable
UNION DISTINCT
SELECT project_id, toDateTime(hour, 'UTC') FROM ledger_rows
UNION DISTINCT
SELECT project_id, toDateTime(hour, 'UTC') FROM frozen_rows
