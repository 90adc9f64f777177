-- One row per log record: what GenAI instrumentations tell beside their spans, and what was logged within traces.
-- `digest` is of the whole record, so a record sent again is the same row. Contents are kept as messages, ready to be
-- joined to their span; a record that names only a response gets its span's ids once that span is known.
CREATE TABLE IF NOT EXISTS log_rows ${on_cluster}
(
    project_id          LowCardinality(String),
    time                DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    digest              String CODEC(ZSTD(1)),
    trace_id            String CODEC(ZSTD(1)),
    span_id             String CODEC(ZSTD(1)),
    event_name          LowCardinality(String),
    severity            LowCardinality(String),
    response_id         String CODEC(ZSTD(1)),
    body                String CODEC(ZSTD(3)),
    body_length         UInt64 CODEC(T64, ZSTD(1)),
    attributes          Map(LowCardinality(String), String) CODEC(ZSTD(3)),
    resource            Map(LowCardinality(String), String) CODEC(ZSTD(3)),
    scope_name          LowCardinality(String),
    position            UInt32 CODEC(T64, ZSTD(1)),
    role                LowCardinality(String),
    input               String CODEC(ZSTD(3)),
    output              String CODEC(ZSTD(3)),
    system_instructions String CODEC(ZSTD(3)),
    tool_definitions    String CODEC(ZSTD(3)),
    input_length        UInt64 CODEC(T64, ZSTD(1)),
    output_length       UInt64 CODEC(T64, ZSTD(1)),
    input_preview       String CODEC(ZSTD(3)),
    output_preview      String CODEC(ZSTD(3)),
    ingest_key          LowCardinality(String),
    ingested_at         DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    INDEX by_trace trace_id TYPE bloom_filter(0.001) GRANULARITY 1
)
ENGINE = ${replacing}(ingested_at)
PARTITION BY toYYYYMM(time)
ORDER BY (project_id, time, digest)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE VIEW IF NOT EXISTS logs ${on_cluster} AS SELECT * FROM log_rows FINAL;

-- Evaluations may name a response and not its span.
ALTER TABLE span_rows ${on_cluster} ADD INDEX IF NOT EXISTS by_response response_id TYPE bloom_filter(0.001) GRANULARITY 1;
