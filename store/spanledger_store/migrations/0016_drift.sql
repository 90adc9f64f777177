-- Looks at whether calls have drifted: one row for each slice, quantity and window that was compared with its baseline.
-- `evidence` is the monitor's after this look, `looks` and `since` its state; `alarmed` where it went beyond its
-- threshold. A look that is made again replaces itself.
CREATE TABLE IF NOT EXISTS drift_rows ${on_cluster}
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
ENGINE = ${replacing}(made_at)
PARTITION BY toYYYYMM(start)
ORDER BY (project_id, quantity, slice_key, start)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE VIEW IF NOT EXISTS drift ${on_cluster} AS SELECT * FROM drift_rows FINAL;
