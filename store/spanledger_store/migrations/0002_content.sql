-- What a span carried: kept apart from `spans`, because it is large and is allowed to expire sooner.
CREATE TABLE IF NOT EXISTS span_content_rows ${on_cluster}
(
    project_id          LowCardinality(String),
    trace_id            String CODEC(ZSTD(1)),
    span_id             String CODEC(ZSTD(1)),
    start_time          DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    input               String CODEC(ZSTD(3)),
    output              String CODEC(ZSTD(3)),
    system_instructions String CODEC(ZSTD(3)),
    tool_definitions    String CODEC(ZSTD(3)),
    input_length        UInt64 CODEC(T64, ZSTD(1)),
    output_length       UInt64 CODEC(T64, ZSTD(1)),
    attributes          Map(LowCardinality(String), String) CODEC(ZSTD(3)),
    resource            Map(LowCardinality(String), String) CODEC(ZSTD(3)),
    scope_name          LowCardinality(String),
    scope_version       LowCardinality(String),
    events              String CODEC(ZSTD(3)),
    links               String CODEC(ZSTD(3)),
    ingested_at         DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    INDEX by_trace trace_id TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX input_words lower(input) TYPE text(tokenizer = 'splitByNonAlpha'),
    INDEX output_words lower(output) TYPE text(tokenizer = 'splitByNonAlpha')
)
ENGINE = ${replacing}(ingested_at)
PARTITION BY toYYYYMM(start_time)
ORDER BY (project_id, start_time, trace_id, span_id)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE VIEW IF NOT EXISTS span_content ${on_cluster} AS SELECT * FROM span_content_rows FINAL;

-- Vectors of what was asked. `model` and the vector's length say which vectors may be compared.
CREATE TABLE IF NOT EXISTS embedding_rows ${on_cluster}
(
    project_id  LowCardinality(String),
    trace_id    String CODEC(ZSTD(1)),
    span_id     String CODEC(ZSTD(1)),
    start_time  DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    model       LowCardinality(String),
    vector      Array(BFloat16) CODEC(ZSTD(1)),
    ingested_at DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1))
)
ENGINE = ${replacing}(ingested_at)
PARTITION BY toYYYYMM(start_time)
ORDER BY (project_id, start_time, trace_id, span_id, model)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE VIEW IF NOT EXISTS embeddings ${on_cluster} AS SELECT * FROM embedding_rows FINAL;

-- What people, judges and tests said of a span, a trace or a session.
CREATE TABLE IF NOT EXISTS score_rows ${on_cluster}
(
    project_id  LowCardinality(String),
    trace_id    String CODEC(ZSTD(1)),
    span_id     String CODEC(ZSTD(1)),
    session     String CODEC(ZSTD(1)),
    name        LowCardinality(String),
    time        DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    value       Nullable(Float64),
    label       LowCardinality(String),
    explanation String CODEC(ZSTD(3)),
    source      LowCardinality(String),
    ingested_at DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1))
)
ENGINE = ${replacing}(ingested_at)
PARTITION BY toYYYYMM(time)
ORDER BY (project_id, time, trace_id, span_id, name, source)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE VIEW IF NOT EXISTS scores ${on_cluster} AS SELECT * FROM score_rows FINAL;
