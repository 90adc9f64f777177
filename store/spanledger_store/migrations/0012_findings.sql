-- What analytics found: cost anomalies, and in the same shape drift, regressions and incidents. One row per version of a
-- finding; `id` follows from kind, slice and start as first told, so that telling it again replaces it.
CREATE TABLE IF NOT EXISTS finding_rows ${on_cluster}
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
ENGINE = ${replacing}(revision)
ORDER BY (project_id, kind, id)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE VIEW IF NOT EXISTS findings ${on_cluster} AS SELECT * EXCEPT (revision) FROM finding_rows FINAL;
