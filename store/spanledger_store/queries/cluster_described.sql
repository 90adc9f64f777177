-- What the clusters of one codebook are called and which topic each is in.
SELECT cluster, parent, parent_label, label, words
FROM clusters
WHERE project_id = {project:String} AND codebook = {codebook:String}
ORDER BY cluster
LIMIT 1 BY cluster
