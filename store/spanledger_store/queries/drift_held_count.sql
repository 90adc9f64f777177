-- How many calls there are to compare in a stretch, and how many runs of tools and scores stand beside them.
SELECT
    (SELECT count() FROM spans WHERE ${chosen}),
    (
        SELECT count() FROM spans
        WHERE project_id = {project:String} AND kind = 'tool'
          AND start_time >= {start:DateTime64(9, 'UTC')} AND start_time < {end:DateTime64(9, 'UTC')} + INTERVAL 1 DAY
    ),
    (SELECT count() FROM scores WHERE project_id = {project:String} AND time >= {start:DateTime64(9, 'UTC')})
