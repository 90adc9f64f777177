-- How many calls a row is the sum of: 1 for a span of its own, more for usage that arrives in sums.
ALTER TABLE span_rows ${on_cluster} ADD COLUMN IF NOT EXISTS call_count UInt64 DEFAULT 1 CODEC(T64, ZSTD(1));
CREATE OR REPLACE VIEW spans ${on_cluster} AS SELECT * FROM span_rows FINAL;
