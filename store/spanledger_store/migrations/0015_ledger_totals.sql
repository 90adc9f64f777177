-- The books by UTC day without customers: for every day and slice the sum of that day's lines, rewritten by whatever
-- rewrites a day. Questions that name no customer read these, which are as few as there are customers fewer lines.
CREATE TABLE IF NOT EXISTS ledger_total_rows ${on_cluster}
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
ENGINE = ${replacing}(revision)
PARTITION BY toYYYYMM(day)
ORDER BY (project_id, day, feature, team, provider, model, prompt_name, prompt_version, environment, release)
SETTINGS index_granularity = 2048;

CREATE VIEW IF NOT EXISTS ledger_totals ${on_cluster} AS
SELECT * EXCEPT (revision) FROM ledger_total_rows FINAL WHERE calls > 0;

-- What the days hold already. Revision 0: what has been written since wins, so this may be repeated.
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
