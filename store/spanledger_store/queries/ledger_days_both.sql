-- A fragment: what the hours and what the days say of the same days, line by line.
SELECT
    true AS is_hour, project_id, toDate(hour) AS day, customer, feature, team, provider, model, prompt_name,
    prompt_version, environment, release, ${sums}
FROM ledger
WHERE ${hours}
UNION ALL
SELECT
    false, project_id, day, customer, feature, team, provider, model, prompt_name,
    prompt_version, environment, release, ${sums}
FROM ledger_days
WHERE ${days}
