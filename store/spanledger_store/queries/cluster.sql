-- Clusters that the server knows: shards, the fewest and the most replicas of one, the greatest weight of one.
SELECT cluster, count() AS shards, min(replicas) AS fewest, max(replicas) AS most, max(weight) AS heaviest
FROM
(
    SELECT cluster, shard_num, count() AS replicas, max(shard_weight) AS weight
    FROM system.clusters
    GROUP BY cluster, shard_num
)
GROUP BY cluster
ORDER BY cluster
