-- With which probability a call was chosen to be embedded: 1 where every call is. Shares are weighted by its inverse.
ALTER TABLE embedding_rows ${on_cluster} ADD COLUMN IF NOT EXISTS probability Float32 DEFAULT 1 CODEC(ZSTD(1));
CREATE OR REPLACE VIEW embeddings ${on_cluster} AS SELECT * FROM embedding_rows FINAL;

-- What queries are grouped by: the clusters of each codebook, one row each. A codebook is never changed but replaced;
-- `cluster` is the same number from one to the next while it is about the same. `radius` is how far from the centroid
-- (1 - cosine) its queries lie. Labels are words that enough customers, users or sessions have used.
CREATE TABLE IF NOT EXISTS cluster_rows ${on_cluster}
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
ENGINE = ${replacing}(made_at)
ORDER BY (project_id, codebook, cluster)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE VIEW IF NOT EXISTS clusters ${on_cluster} AS SELECT * FROM cluster_rows FINAL;

-- Which cluster each embedded call belongs to, 0 for none: one row a call, the newest codebook winning. `weight` is the
-- inverse of the probability it was chosen with, `distance` is 1 - cosine to the centroid, `x` and `y` its place on the
-- map, NaN for calls that are not on it. `exemplar` counts the calls that stand for their cluster from 1; others have 0.
CREATE TABLE IF NOT EXISTS assignment_rows ${on_cluster}
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
ENGINE = ${replacing}(ingested_at)
PARTITION BY toYYYYMM(start_time)
ORDER BY (project_id, start_time, trace_id, span_id)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE VIEW IF NOT EXISTS assignments ${on_cluster} AS SELECT * FROM assignment_rows FINAL;
