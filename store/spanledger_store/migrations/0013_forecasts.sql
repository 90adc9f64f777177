-- What was expected of a slice, as it was said: one row per forecast, its arrays over the days (or hours) that follow
-- `begins`, up to which the books were known. `dimension` is empty for everything. `mean` adds up over every dimension;
-- q05 to q95 are quantiles of each step, s05 to s95 of the sum of all steps so far. Made forecasts are kept to be held
-- against what came: every day's for two months, then each Monday's; those by the hour for a month.
CREATE TABLE IF NOT EXISTS forecast_rows ${on_cluster}
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
ENGINE = ${replacing}(made_at)
PARTITION BY toYYYYMM(begins)
ORDER BY (project_id, grain, begins, dimension, value)
TTL toDateTime(begins, 'UTC') + INTERVAL 800 DAY,
    toDateTime(begins, 'UTC') + INTERVAL 60 DAY DELETE WHERE dimension != '' AND toDayOfWeek(begins) != 1,
    toDateTime(begins, 'UTC') + INTERVAL 30 DAY DELETE WHERE grain = 'hour';

-- One row per target: a day (or hour) that a forecast speaks of.
CREATE VIEW IF NOT EXISTS forecasts ${on_cluster} AS
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
