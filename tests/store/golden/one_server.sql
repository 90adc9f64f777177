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

-- 0010_ledger_days

CREATE TABLE IF NOT EXISTS ledger_day_rows 
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
ENGINE = ReplacingMergeTree(revision)
PARTITION BY toYYYYMM(day)
ORDER BY (project_id, week, customer, day, feature, team, provider, model, prompt_name, prompt_version, environment, release)
SETTINGS index_granularity = 2048;

CREATE VIEW IF NOT EXISTS ledger_days  AS
SELECT * EXCEPT (revision) FROM ledger_day_rows FINAL WHERE calls > 0;

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

CREATE TABLE IF NOT EXISTS bill_rows 
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
ENGINE = ReplacingMergeTree(imported_at)
PARTITION BY toYear(day)
ORDER BY (project_id, day, provider, id);

CREATE VIEW IF NOT EXISTS bills  AS SELECT * FROM bill_rows FINAL WHERE NOT is_withdrawn;

CREATE TABLE IF NOT EXISTS revenue_rows 
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
ENGINE = ReplacingMergeTree(imported_at)
PARTITION BY toYear(month)
ORDER BY (project_id, month, customer, reference);

CREATE VIEW IF NOT EXISTS revenue  AS SELECT * FROM revenue_rows FINAL;

-- 0012_findings

CREATE TABLE IF NOT EXISTS finding_rows 
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
ENGINE = ReplacingMergeTree(revision)
ORDER BY (project_id, kind, id)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE VIEW IF NOT EXISTS findings  AS SELECT * EXCEPT (revision) FROM finding_rows FINAL;

-- 0013_forecasts

CREATE TABLE IF NOT EXISTS forecast_rows 
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
ENGINE = ReplacingMergeTree(made_at)
PARTITION BY toYYYYMM(begins)
ORDER BY (project_id, grain, begins, dimension, value)
TTL toDateTime(begins, 'UTC') + INTERVAL 800 DAY,
    toDateTime(begins, 'UTC') + INTERVAL 60 DAY DELETE WHERE dimension != '' AND toDayOfWeek(begins) != 1,
    toDateTime(begins, 'UTC') + INTERVAL 30 DAY DELETE WHERE grain = 'hour';

CREATE VIEW IF NOT EXISTS forecasts  AS
SELECT
    project_id, grain, begins, dimension, value, made_at, method, origins, ahead,
    if(grain = 'hour', begins + toIntervalHour(ahead - 1), begins + toIntervalDay(ahead - 1)) AS target,
    expected AS mean, e05 AS q05, e10 AS q10, e25 AS q25, e50 AS q50, e75 AS q75, e90 AS q90, e95 AS q95,
    t05 AS s05, t10 AS s10, t25 AS s25, t50 AS s50, t75 AS s75, t90 AS s90, t95 AS s95
FROM forecast_rows FINAL
ARRAY JOIN
    arrayEnumerate(mean) AS ahead, mean AS expected,
    q05 AS e05, q10 AS e10, q25 AS e25, q50 AS e50, q75 AS e75, q90 AS e90, q95 AS e95,
    s05 AS t05, s10 AS t10, s25 AS t25, s50 AS t50, s75 AS t75, s90 AS t90, s95 AS t95;

-- 0014_clusters

ALTER TABLE embedding_rows  ADD COLUMN IF NOT EXISTS probability Float32 DEFAULT 1 CODEC(ZSTD(1));

CREATE OR REPLACE VIEW embeddings  AS SELECT * FROM embedding_rows FINAL;

CREATE TABLE IF NOT EXISTS cluster_rows 
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
ENGINE = ReplacingMergeTree(made_at)
ORDER BY (project_id, codebook, cluster)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE VIEW IF NOT EXISTS clusters  AS SELECT * FROM cluster_rows FINAL;

CREATE TABLE IF NOT EXISTS assignment_rows 
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
ENGINE = ReplacingMergeTree(ingested_at)
PARTITION BY toYYYYMM(start_time)
ORDER BY (project_id, start_time, trace_id, span_id)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE VIEW IF NOT EXISTS assignments  AS SELECT * FROM assignment_rows FINAL;

-- 0015_ledger_totals

CREATE TABLE IF NOT EXISTS ledger_total_rows 
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
ENGINE = ReplacingMergeTree(revision)
PARTITION BY toYYYYMM(day)
ORDER BY (project_id, day, feature, team, provider, model, prompt_name, prompt_version, environment, release)
SETTINGS index_granularity = 2048;

CREATE VIEW IF NOT EXISTS ledger_totals  AS
SELECT * EXCEPT (revision) FROM ledger_total_rows FINAL WHERE calls > 0;

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

CREATE TABLE IF NOT EXISTS drift_rows 
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
ENGINE = ReplacingMergeTree(made_at)
PARTITION BY toYYYYMM(start)
ORDER BY (project_id, quantity, slice_key, start)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE VIEW IF NOT EXISTS drift  AS SELECT * FROM drift_rows FINAL;
