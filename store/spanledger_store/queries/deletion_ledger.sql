-- Takes slices that have vanished out of the ledger's table, in every version: their rows of zeros still name them.
ALTER TABLE ledger_rows DELETE
WHERE project_id = {project:String}
  AND (hour, customer, feature, team, provider, model, prompt_name, prompt_version, environment, release) IN (
      SELECT hour, customer, feature, team, provider, model, prompt_name, prompt_version, environment, release
      FROM ledger_rows FINAL
      WHERE project_id = {project:String} AND calls = 0
  )
