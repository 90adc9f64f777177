-- The books by UTC day: for every day and slice the sum of the ledger's hours, rewritten by whatever rewrites an hour.
-- Within a month by week first (a column: the index is not used through a function of one), then by customer: a week of
-- everybody is read alone, and a year of one customer is one small block a week. Without latency sketches: pages that
-- show latency read the hours.
CREATE TABLE IF NOT EXISTS ledger_day_rows ${on_cluster}
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
ENGINE = ${replacing}(revision)
PARTITION BY toYYYYMM(day)
ORDER BY (project_id, week, customer, day, feature, team, provider, model, prompt_name, prompt_version, environment, release)
SETTINGS index_granularity = 2048;

CREATE VIEW IF NOT EXISTS ledger_days ${on_cluster} AS
SELECT * EXCEPT (revision) FROM ledger_day_rows FINAL WHERE calls > 0;

-- What the hours hold already. Revision 0: a day that has been written since wins, so this may be repeated.
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
