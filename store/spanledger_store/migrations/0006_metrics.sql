-- One row per data point of a metric that is kept: what clients count whether or not a span was sampled.
-- `series` is a digest of resource, scope, name and all attributes, those included that are not kept.
-- A histogram has `bounds` and `buckets`; an exponential one `scale`, `zero_count`, `positive_offset`, `buckets` and,
-- for negative values, `negative_offset` and `negative_buckets`. `value` is of sums and gauges.
CREATE TABLE IF NOT EXISTS metric_rows ${on_cluster}
(
    project_id       LowCardinality(String),
    name             LowCardinality(String),
    time             DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    series           String CODEC(ZSTD(1)),
    start_time       Nullable(DateTime64(9, 'UTC')) CODEC(ZSTD(1)),
    kind             LowCardinality(String),
    temporality      LowCardinality(String),
    monotonic        Bool,
    unit             LowCardinality(String),
    operation        LowCardinality(String),
    provider         LowCardinality(String),
    model            LowCardinality(String),
    token_type       LowCardinality(String),
    error_type       LowCardinality(String),
    service          LowCardinality(String),
    value            Nullable(Float64) CODEC(ZSTD(1)),
    count            Nullable(UInt64) CODEC(ZSTD(1)),
    sum              Nullable(Float64) CODEC(ZSTD(1)),
    min              Nullable(Float64) CODEC(ZSTD(1)),
    max              Nullable(Float64) CODEC(ZSTD(1)),
    bounds           Array(Float64) CODEC(ZSTD(1)),
    buckets          Array(UInt64) CODEC(ZSTD(1)),
    scale            Nullable(Int32) CODEC(ZSTD(1)),
    zero_count       UInt64 CODEC(ZSTD(1)),
    positive_offset  Int32 CODEC(ZSTD(1)),
    negative_offset  Int32 CODEC(ZSTD(1)),
    negative_buckets Array(UInt64) CODEC(ZSTD(1)),
    attributes       Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    resource         Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    scope_name       LowCardinality(String),
    ingest_key       LowCardinality(String),
    ingested_at      DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1))
)
ENGINE = ${replacing}(ingested_at)
PARTITION BY toYYYYMM(time)
ORDER BY (project_id, name, time, series)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE VIEW IF NOT EXISTS metrics ${on_cluster} AS SELECT * FROM metric_rows FINAL;
