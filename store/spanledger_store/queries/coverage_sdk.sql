-- Spans that SDKs say they processed and exported, by what became of them ('' where nothing went wrong).
SELECT
    service, name, attributes['otel.component.name'] AS component, error_type,
    toUInt64(round(sum(step_sum))) AS spans
FROM (${steps})
WHERE isNotNull(step_sum)
GROUP BY service, name, component, error_type
HAVING spans > 0
ORDER BY service, name, component, error_type
