-- The books: one row per hour and slice, recomputed from `spans`, never added to.
-- A slice that has vanished from an hour is overwritten with a row of zero calls, which the view hides;
-- so one INSERT per hour replaces the hour as a whole.
CREATE TABLE IF NOT EXISTS ledger_rows ${on_cluster}
(
    project_id           LowCardinality(String),
    hour                 DateTime64(0, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    customer             LowCardinality(String),
    feature              LowCardinality(String),
    team                 LowCardinality(String),
    provider             LowCardinality(String),
    model                LowCardinality(String),
    prompt_name          LowCardinality(String),
    prompt_version       LowCardinality(String),
    environment          LowCardinality(String),
    release              LowCardinality(String),
    calls                UInt64 CODEC(T64, ZSTD(1)),
    errors               UInt64 CODEC(T64, ZSTD(1)),
    unpriced_calls       UInt64 CODEC(T64, ZSTD(1)),
    cache_hits           UInt64 CODEC(T64, ZSTD(1)),
    input_tokens         UInt64 CODEC(T64, ZSTD(1)),
    cache_read_tokens    UInt64 CODEC(T64, ZSTD(1)),
    cache_write_tokens   UInt64 CODEC(T64, ZSTD(1)),
    output_tokens        UInt64 CODEC(T64, ZSTD(1)),
    reasoning_tokens     UInt64 CODEC(T64, ZSTD(1)),
    other_tokens         UInt64 CODEC(T64, ZSTD(1)),
    cost_usd             Decimal(38, 12) CODEC(ZSTD(1)),
    input_cost_usd       Decimal(38, 12) CODEC(ZSTD(1)),
    cache_read_cost_usd  Decimal(38, 12) CODEC(ZSTD(1)),
    cache_write_cost_usd Decimal(38, 12) CODEC(ZSTD(1)),
    output_cost_usd      Decimal(38, 12) CODEC(ZSTD(1)),
    other_cost_usd       Decimal(38, 12) CODEC(ZSTD(1)),
    client_cost_usd      Decimal(38, 12) CODEC(ZSTD(1)),
    duration_digest      AggregateFunction(quantilesTDigest(0.5, 0.95, 0.99), UInt64),
    ttft_digest          AggregateFunction(quantilesTDigest(0.5, 0.95, 0.99), UInt64),
    revision             UInt64 CODEC(DoubleDelta, ZSTD(1))
)
ENGINE = ${replacing}(revision)
PARTITION BY toYYYYMM(hour)
ORDER BY (project_id, hour, customer, feature, team, provider, model, prompt_name, prompt_version, environment, release);

CREATE VIEW IF NOT EXISTS ledger ${on_cluster} AS
SELECT * EXCEPT (duration_digest, ttft_digest, revision) FROM ledger_rows FINAL WHERE calls > 0;

-- The same rows with their latency sketches, to be merged with quantilesTDigestMerge.
CREATE VIEW IF NOT EXISTS latency ${on_cluster} AS
SELECT project_id, hour, customer, feature, team, provider, model, prompt_name, prompt_version,
       environment, release, calls, duration_digest, ttft_digest
FROM ledger_rows FINAL WHERE calls > 0;
