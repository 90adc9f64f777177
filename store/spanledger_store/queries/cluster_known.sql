-- Each cluster that a project ever had, as its newest codebook has it.
SELECT
    cluster, argMax(codebook, made_at) AS codebook, max(made_at) AS newest, min(made_at) AS first_made_at,
    argMax(parent, made_at) AS parent, argMax(parent_label, made_at) AS parent_label, argMax(label, made_at) AS label,
    argMax(words, made_at) AS words, argMax(radius, made_at) AS radius, argMax(x, made_at) AS x, argMax(y, made_at) AS y
FROM clusters
WHERE project_id = {project:String}
GROUP BY cluster
ORDER BY cluster
