-- schema_migrations

CREATE TABLE IF NOT EXISTS schema_migrations  (
    number UInt32, slug String, checksum FixedString(64), applied_at DateTime64(3, 'UTC') DEFAULT now64(3)
) ENGINE = ReplacingMergeTree ORDER BY number;

-- 0001_spans

CREATE TABLE IF NOT EXISTS span_rows 
(
    project_id          LowCardinality(String),
    trace_id            String CODEC(ZSTD(1)),
    span_id             String CODEC(ZSTD(1)),
    parent_span_id      String CODEC(ZSTD(1)),
    name                LowCardinality(String),
    kind                LowCardinality(String),
    operation           LowCardinality(String),
    start_time          DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    duration_ns         Nullable(UInt64) CODEC(T64, ZSTD(1)),
    ttft_ns             Nullable(UInt64) CODEC(T64, ZSTD(1)),
    status              LowCardinality(String),
    error_type          LowCardinality(String),
    status_message      String CODEC(ZSTD(3)),
    provider            LowCardinality(String),
    request_model       LowCardinality(String),
    model               LowCardinality(String),
    response_id         String CODEC(ZSTD(1)),
    finish_reason       LowCardinality(String),
    customer            LowCardinality(String),
    user                String CODEC(ZSTD(1)),
    session             String CODEC(ZSTD(1)),
    feature             LowCardinality(String),
    team                LowCardinality(String),
    environment         LowCardinality(String),
    release             LowCardinality(String),
    service             LowCardinality(String),
    prompt_name         LowCardinality(String),
    prompt_version      LowCardinality(String),
    tags                Array(LowCardinality(String)),
    metadata            Map(LowCardinality(String), String) CODEC(ZSTD(3)),
    input_tokens        Nullable(UInt64) CODEC(T64, ZSTD(1)),
    cache_read_tokens   Nullable(UInt64) CODEC(T64, ZSTD(1)),
    cache_write_tokens  Nullable(UInt64) CODEC(T64, ZSTD(1)),
    output_tokens       Nullable(UInt64) CODEC(T64, ZSTD(1)),
    reasoning_tokens    Nullable(UInt64) CODEC(T64, ZSTD(1)),
    other_tokens        Map(LowCardinality(String), UInt64) CODEC(ZSTD(1)),
    cost_usd            Nullable(Decimal(18, 12)) CODEC(T64, ZSTD(1)),
    input_cost_usd      Nullable(Decimal(18, 12)) CODEC(T64, ZSTD(1)),
    cache_read_cost_usd Nullable(Decimal(18, 12)) CODEC(T64, ZSTD(1)),
    cache_write_cost_usd Nullable(Decimal(18, 12)) CODEC(T64, ZSTD(1)),
    output_cost_usd     Nullable(Decimal(18, 12)) CODEC(T64, ZSTD(1)),
    other_cost_usd      Nullable(Decimal(18, 12)) CODEC(T64, ZSTD(1)),
    client_cost_usd     Nullable(Decimal(18, 12)) CODEC(T64, ZSTD(1)),
    price_source        LowCardinality(String),
    is_billable         Bool,
    cache_hit           Nullable(Bool),
    attributes          Map(LowCardinality(String), String) CODEC(ZSTD(3)),
    input_preview       String CODEC(ZSTD(3)),
    output_preview      String CODEC(ZSTD(3)),
    dialect             LowCardinality(String),
    warnings            Array(LowCardinality(String)),
    ingest_key          LowCardinality(String),
    ingested_at         DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    INDEX by_trace trace_id TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX by_session session TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_user user TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(ingested_at)
PARTITION BY toYYYYMM(start_time)
ORDER BY (project_id, start_time, trace_id, span_id)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE VIEW IF NOT EXISTS spans  AS SELECT * FROM span_rows FINAL;

-- 0002_content

CREATE TABLE IF NOT EXISTS span_content_rows 
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
ENGINE = ReplacingMergeTree(ingested_at)
PARTITION BY toYYYYMM(start_time)
ORDER BY (project_id, start_time, trace_id, span_id)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE VIEW IF NOT EXISTS span_content  AS SELECT * FROM span_content_rows FINAL;

CREATE TABLE IF NOT EXISTS embedding_rows 
(
    project_id  LowCardinality(String),
    trace_id    String CODEC(ZSTD(1)),
    span_id     String CODEC(ZSTD(1)),
    start_time  DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    model       LowCardinality(String),
    vector      Array(BFloat16) CODEC(ZSTD(1)),
    ingested_at DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(ingested_at)
PARTITION BY toYYYYMM(start_time)
ORDER BY (project_id, start_time, trace_id, span_id, model)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE VIEW IF NOT EXISTS embeddings  AS SELECT * FROM embedding_rows FINAL;

CREATE TABLE IF NOT EXISTS score_rows 
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
ENGINE = ReplacingMergeTree(ingested_at)
PARTITION BY toYYYYMM(time)
ORDER BY (project_id, time, trace_id, span_id, name, source)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE VIEW IF NOT EXISTS scores  AS SELECT * FROM score_rows FINAL;

-- 0003_ledger

CREATE TABLE IF NOT EXISTS ledger_rows 
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
ENGINE = ReplacingMergeTree(revision)
PARTITION BY toYYYYMM(hour)
ORDER BY (project_id, hour, customer, feature, team, provider, model, prompt_name, prompt_version, environment, release);

CREATE VIEW IF NOT EXISTS ledger  AS
SELECT * EXCEPT (duration_digest, ttft_digest, revision) FROM ledger_rows FINAL WHERE calls > 0;

CREATE VIEW IF NOT EXISTS latency  AS
SELECT project_id, hour, customer, feature, team, provider, model, prompt_name, prompt_version,
       environment, release, calls, duration_digest, ttft_digest
FROM ledger_rows FINAL WHERE calls > 0;

-- 0004_lifecycle

CREATE TABLE IF NOT EXISTS audit_rows 
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
ENGINE = ReplacingMergeTree(revision)
PARTITION BY toYear(at)
ORDER BY (at, run);

CREATE VIEW IF NOT EXISTS audit  AS SELECT * EXCEPT (revision) FROM audit_rows FINAL;

CREATE TABLE IF NOT EXISTS deletion_rows 
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
ENGINE = ReplacingMergeTree
ORDER BY (run, project_id, start_time, trace_id, span_id, ingested_at)
TTL at + INTERVAL 1 DAY;

CREATE TABLE IF NOT EXISTS repricing_rows 
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
ENGINE = ReplacingMergeTree
ORDER BY (run, project_id, start_time, trace_id, span_id)
TTL at + INTERVAL 1 DAY;

-- 0005_logs

CREATE TABLE IF NOT EXISTS log_rows 
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
ENGINE = ReplacingMergeTree(ingested_at)
PARTITION BY toYYYYMM(time)
ORDER BY (project_id, time, digest)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE VIEW IF NOT EXISTS logs  AS SELECT * FROM log_rows FINAL;

ALTER TABLE span_rows  ADD INDEX IF NOT EXISTS by_response response_id TYPE bloom_filter(0.001) GRANULARITY 1;

-- 0006_metrics

CREATE TABLE IF NOT EXISTS metric_rows 
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
ENGINE = ReplacingMergeTree(ingested_at)
PARTITION BY toYYYYMM(time)
ORDER BY (project_id, name, time, series)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE VIEW IF NOT EXISTS metrics  AS SELECT * FROM metric_rows FINAL;

-- 0007_retention

CREATE TABLE IF NOT EXISTS frozen_rows 
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
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(hour)
ORDER BY (project_id, hour, customer, feature, team, provider, model, prompt_name, prompt_version, environment, release, id);

CREATE VIEW IF NOT EXISTS frozen  AS SELECT * FROM frozen_rows FINAL;

-- 0008_call_count

ALTER TABLE span_rows  ADD COLUMN IF NOT EXISTS call_count UInt64 DEFAULT 1 CODEC(T64, ZSTD(1));

CREATE OR REPLACE VIEW spans  AS SELECT * FROM span_rows FINAL;

-- 0009_queries

ALTER TABLE span_rows  MODIFY COLUMN trace_id String CODEC(LZ4);

ALTER TABLE score_rows  ADD INDEX IF NOT EXISTS by_trace trace_id TYPE bloom_filter(0.001) GRANULARITY 1;
