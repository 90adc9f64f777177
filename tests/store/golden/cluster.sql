-- schema_migrations

CREATE TABLE IF NOT EXISTS spanledger.schema_migrations_local ON CLUSTER 'main' (
    number UInt32, slug String, checksum FixedString(64), applied_at DateTime64(3, 'UTC') DEFAULT now64(3)
) ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}') ORDER BY number;

CREATE TABLE IF NOT EXISTS spanledger.schema_migrations ON CLUSTER 'main' AS spanledger.schema_migrations_local
ENGINE = Distributed('main', 'spanledger', 'schema_migrations_local', number % 2);

-- 0001_spans

CREATE TABLE IF NOT EXISTS spanledger.span_rows_local ON CLUSTER 'main'
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
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', ingested_at)
PARTITION BY toYYYYMM(start_time)
ORDER BY (project_id, start_time, trace_id, span_id)
SETTINGS replicated_deduplication_window = 1000;

CREATE TABLE IF NOT EXISTS spanledger.span_rows ON CLUSTER 'main' AS spanledger.span_rows_local
ENGINE = Distributed('main', 'spanledger', 'span_rows_local', cityHash64(trace_id) % 2);

CREATE VIEW IF NOT EXISTS spanledger.spans_local ON CLUSTER 'main' AS SELECT * FROM spanledger.span_rows_local FINAL;

CREATE TABLE IF NOT EXISTS spanledger.spans ON CLUSTER 'main' AS spanledger.spans_local
ENGINE = Distributed('main', 'spanledger', 'spans_local', cityHash64(trace_id) % 2);

-- 0002_content

CREATE TABLE IF NOT EXISTS spanledger.span_content_rows_local ON CLUSTER 'main'
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
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', ingested_at)
PARTITION BY toYYYYMM(start_time)
ORDER BY (project_id, start_time, trace_id, span_id)
SETTINGS replicated_deduplication_window = 1000;

CREATE TABLE IF NOT EXISTS spanledger.span_content_rows ON CLUSTER 'main' AS spanledger.span_content_rows_local
ENGINE = Distributed('main', 'spanledger', 'span_content_rows_local', cityHash64(trace_id) % 2);

CREATE VIEW IF NOT EXISTS spanledger.span_content_local ON CLUSTER 'main' AS SELECT * FROM spanledger.span_content_rows_local FINAL;

CREATE TABLE IF NOT EXISTS spanledger.span_content ON CLUSTER 'main' AS spanledger.span_content_local
ENGINE = Distributed('main', 'spanledger', 'span_content_local', cityHash64(trace_id) % 2);

CREATE TABLE IF NOT EXISTS spanledger.embedding_rows_local ON CLUSTER 'main'
(
    project_id  LowCardinality(String),
    trace_id    String CODEC(ZSTD(1)),
    span_id     String CODEC(ZSTD(1)),
    start_time  DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    model       LowCardinality(String),
    vector      Array(BFloat16) CODEC(ZSTD(1)),
    ingested_at DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1))
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', ingested_at)
PARTITION BY toYYYYMM(start_time)
ORDER BY (project_id, start_time, trace_id, span_id, model)
SETTINGS replicated_deduplication_window = 1000;

CREATE TABLE IF NOT EXISTS spanledger.embedding_rows ON CLUSTER 'main' AS spanledger.embedding_rows_local
ENGINE = Distributed('main', 'spanledger', 'embedding_rows_local', cityHash64(trace_id) % 2);

CREATE VIEW IF NOT EXISTS spanledger.embeddings_local ON CLUSTER 'main' AS SELECT * FROM spanledger.embedding_rows_local FINAL;

CREATE TABLE IF NOT EXISTS spanledger.embeddings ON CLUSTER 'main' AS spanledger.embeddings_local
ENGINE = Distributed('main', 'spanledger', 'embeddings_local', cityHash64(trace_id) % 2);

CREATE TABLE IF NOT EXISTS spanledger.score_rows_local ON CLUSTER 'main'
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
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', ingested_at)
PARTITION BY toYYYYMM(time)
ORDER BY (project_id, time, trace_id, span_id, name, source)
SETTINGS replicated_deduplication_window = 1000;

CREATE TABLE IF NOT EXISTS spanledger.score_rows ON CLUSTER 'main' AS spanledger.score_rows_local
ENGINE = Distributed('main', 'spanledger', 'score_rows_local', cityHash64(trace_id) % 2);

CREATE VIEW IF NOT EXISTS spanledger.scores_local ON CLUSTER 'main' AS SELECT * FROM spanledger.score_rows_local FINAL;

CREATE TABLE IF NOT EXISTS spanledger.scores ON CLUSTER 'main' AS spanledger.scores_local
ENGINE = Distributed('main', 'spanledger', 'scores_local', cityHash64(trace_id) % 2);

-- 0003_ledger

CREATE TABLE IF NOT EXISTS spanledger.ledger_rows_local ON CLUSTER 'main'
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
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', revision)
PARTITION BY toYYYYMM(hour)
ORDER BY (project_id, hour, customer, feature, team, provider, model, prompt_name, prompt_version, environment, release);

CREATE TABLE IF NOT EXISTS spanledger.ledger_rows ON CLUSTER 'main' AS spanledger.ledger_rows_local
ENGINE = Distributed('main', 'spanledger', 'ledger_rows_local', cityHash64(project_id, hour) % 2);

CREATE VIEW IF NOT EXISTS spanledger.ledger_local ON CLUSTER 'main' AS
SELECT * EXCEPT (duration_digest, ttft_digest, revision) FROM spanledger.ledger_rows_local FINAL WHERE calls > 0;

CREATE TABLE IF NOT EXISTS spanledger.ledger ON CLUSTER 'main' AS spanledger.ledger_local
ENGINE = Distributed('main', 'spanledger', 'ledger_local', cityHash64(project_id, hour) % 2);

CREATE VIEW IF NOT EXISTS spanledger.latency_local ON CLUSTER 'main' AS
SELECT project_id, hour, customer, feature, team, provider, model, prompt_name, prompt_version,
       environment, release, calls, duration_digest, ttft_digest
FROM spanledger.ledger_rows_local FINAL WHERE calls > 0;

CREATE TABLE IF NOT EXISTS spanledger.latency ON CLUSTER 'main' AS spanledger.latency_local
ENGINE = Distributed('main', 'spanledger', 'latency_local', cityHash64(project_id, hour) % 2);

-- 0004_lifecycle

CREATE TABLE IF NOT EXISTS spanledger.audit_rows_local ON CLUSTER 'main'
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
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', revision)
PARTITION BY toYear(at)
ORDER BY (at, run);

CREATE TABLE IF NOT EXISTS spanledger.audit_rows ON CLUSTER 'main' AS spanledger.audit_rows_local
ENGINE = Distributed('main', 'spanledger', 'audit_rows_local', cityHash64(run) % 2);

CREATE VIEW IF NOT EXISTS spanledger.audit_local ON CLUSTER 'main' AS SELECT * EXCEPT (revision) FROM spanledger.audit_rows_local FINAL;

CREATE TABLE IF NOT EXISTS spanledger.audit ON CLUSTER 'main' AS spanledger.audit_local
ENGINE = Distributed('main', 'spanledger', 'audit_local', cityHash64(run) % 2);

CREATE TABLE IF NOT EXISTS spanledger.deletion_rows_local ON CLUSTER 'main'
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
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
ORDER BY (run, project_id, start_time, trace_id, span_id, ingested_at)
TTL at + INTERVAL 1 DAY;

CREATE TABLE IF NOT EXISTS spanledger.deletion_rows ON CLUSTER 'main' AS spanledger.deletion_rows_local
ENGINE = Distributed('main', 'spanledger', 'deletion_rows_local', cityHash64(trace_id) % 2);

CREATE TABLE IF NOT EXISTS spanledger.repricing_rows_local ON CLUSTER 'main'
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
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
ORDER BY (run, project_id, start_time, trace_id, span_id)
TTL at + INTERVAL 1 DAY;

CREATE TABLE IF NOT EXISTS spanledger.repricing_rows ON CLUSTER 'main' AS spanledger.repricing_rows_local
ENGINE = Distributed('main', 'spanledger', 'repricing_rows_local', cityHash64(trace_id) % 2);

-- 0005_logs

CREATE TABLE IF NOT EXISTS spanledger.log_rows_local ON CLUSTER 'main'
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
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', ingested_at)
PARTITION BY toYYYYMM(time)
ORDER BY (project_id, time, digest)
SETTINGS replicated_deduplication_window = 1000;

CREATE TABLE IF NOT EXISTS spanledger.log_rows ON CLUSTER 'main' AS spanledger.log_rows_local
ENGINE = Distributed('main', 'spanledger', 'log_rows_local', cityHash64(digest) % 2);

CREATE VIEW IF NOT EXISTS spanledger.logs_local ON CLUSTER 'main' AS SELECT * FROM spanledger.log_rows_local FINAL;

CREATE TABLE IF NOT EXISTS spanledger.logs ON CLUSTER 'main' AS spanledger.logs_local
ENGINE = Distributed('main', 'spanledger', 'logs_local', cityHash64(digest) % 2);

ALTER TABLE spanledger.span_rows_local ON CLUSTER 'main' ADD INDEX IF NOT EXISTS by_response response_id TYPE bloom_filter(0.001) GRANULARITY 1;

-- 0006_metrics

CREATE TABLE IF NOT EXISTS spanledger.metric_rows_local ON CLUSTER 'main'
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
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', ingested_at)
PARTITION BY toYYYYMM(time)
ORDER BY (project_id, name, time, series)
SETTINGS replicated_deduplication_window = 1000;

CREATE TABLE IF NOT EXISTS spanledger.metric_rows ON CLUSTER 'main' AS spanledger.metric_rows_local
ENGINE = Distributed('main', 'spanledger', 'metric_rows_local', cityHash64(series) % 2);

CREATE VIEW IF NOT EXISTS spanledger.metrics_local ON CLUSTER 'main' AS SELECT * FROM spanledger.metric_rows_local FINAL;

CREATE TABLE IF NOT EXISTS spanledger.metrics ON CLUSTER 'main' AS spanledger.metrics_local
ENGINE = Distributed('main', 'spanledger', 'metrics_local', cityHash64(series) % 2);

-- 0007_retention

CREATE TABLE IF NOT EXISTS spanledger.frozen_rows_local ON CLUSTER 'main'
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
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
PARTITION BY toYYYYMM(hour)
ORDER BY (project_id, hour, customer, feature, team, provider, model, prompt_name, prompt_version, environment, release, id);

CREATE TABLE IF NOT EXISTS spanledger.frozen_rows ON CLUSTER 'main' AS spanledger.frozen_rows_local
ENGINE = Distributed('main', 'spanledger', 'frozen_rows_local', cityHash64(project_id, hour) % 2);

CREATE VIEW IF NOT EXISTS spanledger.frozen_local ON CLUSTER 'main' AS SELECT * FROM spanledger.frozen_rows_local FINAL;

CREATE TABLE IF NOT EXISTS spanledger.frozen ON CLUSTER 'main' AS spanledger.frozen_local
ENGINE = Distributed('main', 'spanledger', 'frozen_local', cityHash64(project_id, hour) % 2);

-- 0008_call_count

ALTER TABLE spanledger.span_rows_local ON CLUSTER 'main' ADD COLUMN IF NOT EXISTS call_count UInt64 DEFAULT 1 CODEC(T64, ZSTD(1));

ALTER TABLE spanledger.span_rows ON CLUSTER 'main' ADD COLUMN IF NOT EXISTS call_count UInt64 DEFAULT 1 CODEC(T64, ZSTD(1));

CREATE OR REPLACE VIEW spanledger.spans_local ON CLUSTER 'main' AS SELECT * FROM spanledger.span_rows_local FINAL;

CREATE OR REPLACE TABLE spanledger.spans ON CLUSTER 'main' AS spanledger.spans_local
ENGINE = Distributed('main', 'spanledger', 'spans_local', cityHash64(trace_id) % 2);

-- 0009_queries

ALTER TABLE spanledger.span_rows_local ON CLUSTER 'main' MODIFY COLUMN trace_id String CODEC(LZ4);

ALTER TABLE spanledger.span_rows ON CLUSTER 'main' MODIFY COLUMN trace_id String CODEC(LZ4);

ALTER TABLE spanledger.score_rows_local ON CLUSTER 'main' ADD INDEX IF NOT EXISTS by_trace trace_id TYPE bloom_filter(0.001) GRANULARITY 1;

-- 0010_ledger_days

CREATE TABLE IF NOT EXISTS spanledger.ledger_day_rows_local ON CLUSTER 'main'
(
    project_id           LowCardinality(String),
    day                  Date CODEC(DoubleDelta, ZSTD(1)),
    week                 Date MATERIALIZED toMonday(day) CODEC(DoubleDelta, ZSTD(1)),
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
    revision             UInt64 CODEC(DoubleDelta, ZSTD(1))
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', revision)
PARTITION BY toYYYYMM(day)
ORDER BY (project_id, week, customer, day, feature, team, provider, model, prompt_name, prompt_version, environment, release)
SETTINGS index_granularity = 2048;

CREATE TABLE IF NOT EXISTS spanledger.ledger_day_rows ON CLUSTER 'main' AS spanledger.ledger_day_rows_local
ENGINE = Distributed('main', 'spanledger', 'ledger_day_rows_local', cityHash64(project_id, day) % 2);

CREATE VIEW IF NOT EXISTS spanledger.ledger_days_local ON CLUSTER 'main' AS
SELECT * EXCEPT (revision) FROM spanledger.ledger_day_rows_local FINAL WHERE calls > 0;

CREATE TABLE IF NOT EXISTS spanledger.ledger_days ON CLUSTER 'main' AS spanledger.ledger_days_local
ENGINE = Distributed('main', 'spanledger', 'ledger_days_local', cityHash64(project_id, day) % 2);

INSERT INTO ledger_day_rows
SELECT
    project_id, toDate(hour) AS day, customer, feature, team, provider, model, prompt_name, prompt_version,
    environment, release,
    sum(l.calls), sum(l.errors), sum(l.unpriced_calls), sum(l.cache_hits),
    sum(l.input_tokens), sum(l.cache_read_tokens), sum(l.cache_write_tokens),
    sum(l.output_tokens), sum(l.reasoning_tokens), sum(l.other_tokens),
    sum(l.cost_usd), sum(l.input_cost_usd), sum(l.cache_read_cost_usd), sum(l.cache_write_cost_usd),
    sum(l.output_cost_usd), sum(l.other_cost_usd), sum(l.client_cost_usd), 0
FROM ledger AS l
GROUP BY
    project_id, day, customer, feature, team, provider, model, prompt_name, prompt_version, environment, release
SETTINGS max_partitions_per_insert_block = 0, max_bytes_before_external_group_by = 1000000000;

-- 0011_bills

CREATE TABLE IF NOT EXISTS spanledger.bill_rows_local ON CLUSTER 'main'
(
    project_id   LowCardinality(String),
    day          DateTime64(0, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    provider     LowCardinality(String),
    id           UInt64,
    source       LowCardinality(String),
    kind         LowCardinality(String),
    start_time   DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    end_time     DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    service      LowCardinality(String),
    sku          LowCardinality(String),
    model        LowCardinality(String),
    usage_class  LowCardinality(String),
    service_tier LowCardinality(String),
    quantity     Nullable(Decimal(38, 12)) CODEC(ZSTD(1)),
    unit         LowCardinality(String),
    amount       Decimal(38, 18) CODEC(ZSTD(1)),
    currency     LowCardinality(String),
    account      LowCardinality(String),
    label        LowCardinality(String),
    region       LowCardinality(String),
    file         LowCardinality(String),
    place        String CODEC(ZSTD(1)),
    is_withdrawn Bool,
    imported_at  DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1))
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', imported_at)
PARTITION BY toYear(day)
ORDER BY (project_id, day, provider, id);

CREATE TABLE IF NOT EXISTS spanledger.bill_rows ON CLUSTER 'main' AS spanledger.bill_rows_local
ENGINE = Distributed('main', 'spanledger', 'bill_rows_local', cityHash64(project_id, day) % 2);

CREATE VIEW IF NOT EXISTS spanledger.bills_local ON CLUSTER 'main' AS SELECT * FROM spanledger.bill_rows_local FINAL WHERE NOT is_withdrawn;

CREATE TABLE IF NOT EXISTS spanledger.bills ON CLUSTER 'main' AS spanledger.bills_local
ENGINE = Distributed('main', 'spanledger', 'bills_local', cityHash64(project_id, day) % 2);

CREATE TABLE IF NOT EXISTS spanledger.revenue_rows_local ON CLUSTER 'main'
(
    project_id  LowCardinality(String),
    month       DateTime64(0, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    customer    LowCardinality(String),
    reference   String CODEC(ZSTD(1)),
    amount      Decimal(38, 12) CODEC(ZSTD(1)),
    currency    LowCardinality(String),
    file        LowCardinality(String),
    imported_at DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1))
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', imported_at)
PARTITION BY toYear(month)
ORDER BY (project_id, month, customer, reference);

CREATE TABLE IF NOT EXISTS spanledger.revenue_rows ON CLUSTER 'main' AS spanledger.revenue_rows_local
ENGINE = Distributed('main', 'spanledger', 'revenue_rows_local', cityHash64(project_id, month) % 2);

CREATE VIEW IF NOT EXISTS spanledger.revenue_local ON CLUSTER 'main' AS SELECT * FROM spanledger.revenue_rows_local FINAL;

CREATE TABLE IF NOT EXISTS spanledger.revenue ON CLUSTER 'main' AS spanledger.revenue_local
ENGINE = Distributed('main', 'spanledger', 'revenue_local', cityHash64(project_id, month) % 2);

-- 0012_findings

CREATE TABLE IF NOT EXISTS spanledger.finding_rows_local ON CLUSTER 'main'
(
    project_id        LowCardinality(String),
    id                String CODEC(ZSTD(1)),
    kind              LowCardinality(String),
    method            LowCardinality(String),
    slice             Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    start             DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    end               DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    grain             LowCardinality(String),
    first_detected_at DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    detected_at       DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    severity          LowCardinality(String),
    actual            Nullable(Float64) CODEC(ZSTD(1)),
    expected          Nullable(Float64) CODEC(ZSTD(1)),
    lower             Nullable(Float64) CODEC(ZSTD(1)),
    upper             Nullable(Float64) CODEC(ZSTD(1)),
    unit              LowCardinality(String),
    impact_usd        Nullable(Decimal(38, 12)) CODEC(ZSTD(1)),
    score             Float64 CODEC(ZSTD(1)),
    p_value           Nullable(Float64) CODEC(ZSTD(1)),
    confidence        Float64 CODEC(ZSTD(1)),
    evidence          String CODEC(ZSTD(3)),
    state             LowCardinality(String),
    revision          UInt64 CODEC(DoubleDelta, ZSTD(1))
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', revision)
ORDER BY (project_id, kind, id)
SETTINGS replicated_deduplication_window = 1000;

CREATE TABLE IF NOT EXISTS spanledger.finding_rows ON CLUSTER 'main' AS spanledger.finding_rows_local
ENGINE = Distributed('main', 'spanledger', 'finding_rows_local', cityHash64(id) % 2);

CREATE VIEW IF NOT EXISTS spanledger.findings_local ON CLUSTER 'main' AS SELECT * EXCEPT (revision) FROM spanledger.finding_rows_local FINAL;

CREATE TABLE IF NOT EXISTS spanledger.findings ON CLUSTER 'main' AS spanledger.findings_local
ENGINE = Distributed('main', 'spanledger', 'findings_local', cityHash64(id) % 2);

-- 0013_forecasts

CREATE TABLE IF NOT EXISTS spanledger.forecast_rows_local ON CLUSTER 'main'
(
    project_id LowCardinality(String),
    grain      LowCardinality(String),
    begins     DateTime64(0, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    dimension  LowCardinality(String),
    value      String CODEC(ZSTD(1)),
    made_at    DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    method     LowCardinality(String),
    origins    UInt16,
    mean       Array(Decimal(38, 12)) CODEC(ZSTD(1)),
    q05        Array(Float32) CODEC(ZSTD(1)),
    q10        Array(Float32) CODEC(ZSTD(1)),
    q25        Array(Float32) CODEC(ZSTD(1)),
    q50        Array(Float32) CODEC(ZSTD(1)),
    q75        Array(Float32) CODEC(ZSTD(1)),
    q90        Array(Float32) CODEC(ZSTD(1)),
    q95        Array(Float32) CODEC(ZSTD(1)),
    s05        Array(Float32) CODEC(ZSTD(1)),
    s10        Array(Float32) CODEC(ZSTD(1)),
    s25        Array(Float32) CODEC(ZSTD(1)),
    s50        Array(Float32) CODEC(ZSTD(1)),
    s75        Array(Float32) CODEC(ZSTD(1)),
    s90        Array(Float32) CODEC(ZSTD(1)),
    s95        Array(Float32) CODEC(ZSTD(1))
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', made_at)
PARTITION BY toYYYYMM(begins)
ORDER BY (project_id, grain, begins, dimension, value)
TTL toDateTime(begins, 'UTC') + INTERVAL 800 DAY,
    toDateTime(begins, 'UTC') + INTERVAL 60 DAY DELETE WHERE dimension != '' AND toDayOfWeek(begins) != 1,
    toDateTime(begins, 'UTC') + INTERVAL 30 DAY DELETE WHERE grain = 'hour';

CREATE TABLE IF NOT EXISTS spanledger.forecast_rows ON CLUSTER 'main' AS spanledger.forecast_rows_local
ENGINE = Distributed('main', 'spanledger', 'forecast_rows_local', cityHash64(project_id, begins) % 2);

CREATE VIEW IF NOT EXISTS spanledger.forecasts_local ON CLUSTER 'main' AS
SELECT
    project_id, grain, begins, dimension, value, made_at, method, origins, ahead,
    if(grain = 'hour', begins + toIntervalHour(ahead - 1), begins + toIntervalDay(ahead - 1)) AS target,
    expected AS mean, e05 AS q05, e10 AS q10, e25 AS q25, e50 AS q50, e75 AS q75, e90 AS q90, e95 AS q95,
    t05 AS s05, t10 AS s10, t25 AS s25, t50 AS s50, t75 AS s75, t90 AS s90, t95 AS s95
FROM spanledger.forecast_rows_local FINAL
ARRAY JOIN
    arrayEnumerate(mean) AS ahead, mean AS expected,
    q05 AS e05, q10 AS e10, q25 AS e25, q50 AS e50, q75 AS e75, q90 AS e90, q95 AS e95,
    s05 AS t05, s10 AS t10, s25 AS t25, s50 AS t50, s75 AS t75, s90 AS t90, s95 AS t95;

CREATE TABLE IF NOT EXISTS spanledger.forecasts ON CLUSTER 'main' AS spanledger.forecasts_local
ENGINE = Distributed('main', 'spanledger', 'forecasts_local', cityHash64(project_id, begins) % 2);

-- 0014_clusters

ALTER TABLE spanledger.embedding_rows_local ON CLUSTER 'main' ADD COLUMN IF NOT EXISTS probability Float32 DEFAULT 1 CODEC(ZSTD(1));

ALTER TABLE spanledger.embedding_rows ON CLUSTER 'main' ADD COLUMN IF NOT EXISTS probability Float32 DEFAULT 1 CODEC(ZSTD(1));

CREATE OR REPLACE VIEW spanledger.embeddings_local ON CLUSTER 'main' AS SELECT * FROM spanledger.embedding_rows_local FINAL;

CREATE OR REPLACE TABLE spanledger.embeddings ON CLUSTER 'main' AS spanledger.embeddings_local
ENGINE = Distributed('main', 'spanledger', 'embeddings_local', cityHash64(trace_id) % 2);

CREATE TABLE IF NOT EXISTS spanledger.cluster_rows_local ON CLUSTER 'main'
(
    project_id LowCardinality(String),
    codebook   String CODEC(ZSTD(1)),
    cluster    UInt32,
    made_at    DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    model      LowCardinality(String),
    parent     UInt32,
    parent_label String CODEC(ZSTD(1)),
    label      String CODEC(ZSTD(1)),
    words      Array(String) CODEC(ZSTD(1)),
    calls      UInt64,
    weight     Float64,
    radius     Float32,
    centroid   Array(Float32) CODEC(ZSTD(1)),
    x          Float32,
    y          Float32
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', made_at)
ORDER BY (project_id, codebook, cluster)
SETTINGS replicated_deduplication_window = 1000;

CREATE TABLE IF NOT EXISTS spanledger.cluster_rows ON CLUSTER 'main' AS spanledger.cluster_rows_local
ENGINE = Distributed('main', 'spanledger', 'cluster_rows_local', cityHash64(project_id, codebook) % 2);

CREATE VIEW IF NOT EXISTS spanledger.clusters_local ON CLUSTER 'main' AS SELECT * FROM spanledger.cluster_rows_local FINAL;

CREATE TABLE IF NOT EXISTS spanledger.clusters ON CLUSTER 'main' AS spanledger.clusters_local
ENGINE = Distributed('main', 'spanledger', 'clusters_local', cityHash64(project_id, codebook) % 2);

CREATE TABLE IF NOT EXISTS spanledger.assignment_rows_local ON CLUSTER 'main'
(
    project_id  LowCardinality(String),
    trace_id    String CODEC(ZSTD(1)),
    span_id     String CODEC(ZSTD(1)),
    start_time  DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    codebook    LowCardinality(String),
    cluster     UInt32 CODEC(T64, ZSTD(1)),
    distance    Float32 CODEC(ZSTD(1)),
    weight      Float32 CODEC(ZSTD(1)),
    x           Float32 CODEC(ZSTD(1)),
    y           Float32 CODEC(ZSTD(1)),
    exemplar    UInt8 CODEC(ZSTD(1)),
    ingested_at DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1))
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', ingested_at)
PARTITION BY toYYYYMM(start_time)
ORDER BY (project_id, start_time, trace_id, span_id)
SETTINGS replicated_deduplication_window = 1000;

CREATE TABLE IF NOT EXISTS spanledger.assignment_rows ON CLUSTER 'main' AS spanledger.assignment_rows_local
ENGINE = Distributed('main', 'spanledger', 'assignment_rows_local', cityHash64(trace_id) % 2);

CREATE VIEW IF NOT EXISTS spanledger.assignments_local ON CLUSTER 'main' AS SELECT * FROM spanledger.assignment_rows_local FINAL;

CREATE TABLE IF NOT EXISTS spanledger.assignments ON CLUSTER 'main' AS spanledger.assignments_local
ENGINE = Distributed('main', 'spanledger', 'assignments_local', cityHash64(trace_id) % 2);

-- 0015_ledger_totals

CREATE TABLE IF NOT EXISTS spanledger.ledger_total_rows_local ON CLUSTER 'main'
(
    project_id           LowCardinality(String),
    day                  Date CODEC(DoubleDelta, ZSTD(1)),
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
    revision             UInt64 CODEC(DoubleDelta, ZSTD(1))
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', revision)
PARTITION BY toYYYYMM(day)
ORDER BY (project_id, day, feature, team, provider, model, prompt_name, prompt_version, environment, release)
SETTINGS index_granularity = 2048;

CREATE TABLE IF NOT EXISTS spanledger.ledger_total_rows ON CLUSTER 'main' AS spanledger.ledger_total_rows_local
ENGINE = Distributed('main', 'spanledger', 'ledger_total_rows_local', cityHash64(project_id, day) % 2);

CREATE VIEW IF NOT EXISTS spanledger.ledger_totals_local ON CLUSTER 'main' AS
SELECT * EXCEPT (revision) FROM spanledger.ledger_total_rows_local FINAL WHERE calls > 0;

CREATE TABLE IF NOT EXISTS spanledger.ledger_totals ON CLUSTER 'main' AS spanledger.ledger_totals_local
ENGINE = Distributed('main', 'spanledger', 'ledger_totals_local', cityHash64(project_id, day) % 2);

INSERT INTO ledger_total_rows
SELECT
    project_id, day, feature, team, provider, model, prompt_name, prompt_version, environment, release,
    sum(d.calls), sum(d.errors), sum(d.unpriced_calls), sum(d.cache_hits),
    sum(d.input_tokens), sum(d.cache_read_tokens), sum(d.cache_write_tokens),
    sum(d.output_tokens), sum(d.reasoning_tokens), sum(d.other_tokens),
    sum(d.cost_usd), sum(d.input_cost_usd), sum(d.cache_read_cost_usd), sum(d.cache_write_cost_usd),
    sum(d.output_cost_usd), sum(d.other_cost_usd), sum(d.client_cost_usd), 0
FROM ledger_days AS d
GROUP BY
    project_id, day, feature, team, provider, model, prompt_name, prompt_version, environment, release
SETTINGS max_partitions_per_insert_block = 0;

-- 0016_drift

CREATE TABLE IF NOT EXISTS spanledger.drift_rows_local ON CLUSTER 'main'
(
    project_id         LowCardinality(String),
    slice              Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    slice_key          String CODEC(ZSTD(1)),
    quantity           LowCardinality(String),
    start              DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    end                DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    baseline_start     DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    baseline_end       DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    model              LowCardinality(String),
    calls              UInt64 CODEC(T64, ZSTD(1)),
    baseline_calls     UInt64 CODEC(T64, ZSTD(1)),
    sessions           UInt64 CODEC(T64, ZSTD(1)),
    baseline_sessions  UInt64 CODEC(T64, ZSTD(1)),
    p_value            Nullable(Float64) CODEC(ZSTD(1)),
    effect             Nullable(Float64) CODEC(ZSTD(1)),
    leading            LowCardinality(String),
    evidence           Float64 CODEC(ZSTD(1)),
    threshold          Float64 CODEC(ZSTD(1)),
    looks              UInt32 CODEC(T64, ZSTD(1)),
    since              UInt32 CODEC(T64, ZSTD(1)),
    alarmed            Bool,
    note               String CODEC(ZSTD(1)),
    made_at            DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1))
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', made_at)
PARTITION BY toYYYYMM(start)
ORDER BY (project_id, quantity, slice_key, start)
SETTINGS replicated_deduplication_window = 1000;

CREATE TABLE IF NOT EXISTS spanledger.drift_rows ON CLUSTER 'main' AS spanledger.drift_rows_local
ENGINE = Distributed('main', 'spanledger', 'drift_rows_local', cityHash64(project_id, slice_key) % 2);

CREATE VIEW IF NOT EXISTS spanledger.drift_local ON CLUSTER 'main' AS SELECT * FROM spanledger.drift_rows_local FINAL;

CREATE TABLE IF NOT EXISTS spanledger.drift ON CLUSTER 'main' AS spanledger.drift_local
ENGINE = Distributed('main', 'spanledger', 'drift_local', cityHash64(project_id, slice_key) % 2);
