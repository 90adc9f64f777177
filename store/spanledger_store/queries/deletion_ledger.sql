-- Takes slices that have vanished out of a table of the books, in every version: their rows of zeros still name them.
ALTER TABLE ${table} DELETE
WHERE project_id = {project:String}
  AND (${time}, customer, feature, team, provider, model, prompt_name, prompt_version, environment, release) IN (
      SELECT ${time}, customer, feature, team, provider, model, prompt_name, prompt_version, environment, release
      FROM ${table} FINAL
      WHERE project_id = {project:String} AND calls = 0
  )
