-- What providers billed, line by line as their exports say. `id` is made of what names a line, never of its amount: the
-- same line again is one row, and a newer export of it replaces it. A line that was withdrawn keeps its row.
CREATE TABLE IF NOT EXISTS bill_rows ${on_cluster}
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
ENGINE = ${replacing}(imported_at)
PARTITION BY toYear(day)
ORDER BY (project_id, day, provider, id);

CREATE VIEW IF NOT EXISTS bills ${on_cluster} AS SELECT * FROM bill_rows FINAL WHERE NOT is_withdrawn;

-- What customers paid or owe, by month. The newest statement of a customer, month and reference counts.
CREATE TABLE IF NOT EXISTS revenue_rows ${on_cluster}
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
ENGINE = ${replacing}(imported_at)
PARTITION BY toYear(month)
ORDER BY (project_id, month, customer, reference);

CREATE VIEW IF NOT EXISTS revenue ${on_cluster} AS SELECT * FROM revenue_rows FINAL;
