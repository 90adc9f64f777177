-- The books of spans that have expired. A row holds sums and the identities of exactly the calls they are the sums of:
-- whatever was written before a crash is whole, and a span that is sent again is recognised. An identity is 64 bits of
-- SipHash over trace id, span id and start time, so a call costs 8 bytes here. `id` is the hash of the identities.
CREATE TABLE IF NOT EXISTS frozen_rows ${on_cluster}
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
    id                   UInt64,
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
    identities           Array(UInt64) CODEC(NONE)
)
ENGINE = ${replacing}
PARTITION BY toYYYYMM(hour)
ORDER BY (project_id, hour, customer, feature, team, provider, model, prompt_name, prompt_version, environment, release, id);

CREATE VIEW IF NOT EXISTS frozen ${on_cluster} AS SELECT * FROM frozen_rows FINAL;
