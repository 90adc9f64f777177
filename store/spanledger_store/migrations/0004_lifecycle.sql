-- What was done to stored data on purpose, by whom it was asked for and with what result. A person or customer that
-- was deleted is in it as a salted hash only. A run is noted when it begins and once more when it is done.
CREATE TABLE IF NOT EXISTS audit_rows ${on_cluster}
(
    at          DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    run         String CODEC(ZSTD(1)),
    action      LowCardinality(String),
    project_id  LowCardinality(String),
    subject     String CODEC(ZSTD(1)),
    interface   LowCardinality(String),
    state       LowCardinality(String),
    counts      Map(LowCardinality(String), UInt64) CODEC(ZSTD(1)),
    details     Map(LowCardinality(String), String) CODEC(ZSTD(3)),
    revision    UInt8
)
ENGINE = ${replacing}(revision)
PARTITION BY toYear(at)
ORDER BY (at, run);

CREATE VIEW IF NOT EXISTS audit ${on_cluster} AS SELECT * EXCEPT (revision) FROM audit_rows FINAL;

-- Identities of the spans that a deletion is about to remove: a mutation that reads them here need not carry a
-- person's name in its text, which the engine keeps on disk. `whole` spans go in every version, others in this one.
CREATE TABLE IF NOT EXISTS deletion_rows ${on_cluster}
(
    run         String,
    project_id  LowCardinality(String),
    start_time  DateTime64(9, 'UTC'),
    trace_id    String,
    span_id     String,
    session     String,
    ingested_at DateTime64(9, 'UTC'),
    whole       Bool,
    at          DateTime('UTC') DEFAULT now('UTC')
)
ENGINE = ${replacing}
ORDER BY (run, project_id, start_time, trace_id, span_id, ingested_at)
TTL at + INTERVAL 1 DAY;

-- New prices of spans, on their way into `span_rows`; `replaces` is the version of the row they were computed from.
CREATE TABLE IF NOT EXISTS repricing_rows ${on_cluster}
(
    run                  String,
    project_id           LowCardinality(String),
    start_time           DateTime64(9, 'UTC'),
    trace_id             String,
    span_id              String,
    replaces             DateTime64(9, 'UTC'),
    cost_usd             Decimal(18, 12),
    input_cost_usd       Decimal(18, 12),
    cache_read_cost_usd  Decimal(18, 12),
    cache_write_cost_usd Decimal(18, 12),
    output_cost_usd      Decimal(18, 12),
    other_cost_usd       Decimal(18, 12),
    price_source         LowCardinality(String),
    at                   DateTime('UTC') DEFAULT now('UTC')
)
ENGINE = ${replacing}
ORDER BY (run, project_id, start_time, trace_id, span_id)
TTL at + INTERVAL 1 DAY;
