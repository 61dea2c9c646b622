-- The changes of some notifications by number, without noise.
SELECT
    sender, -- if $several
    seq, category, entity_id, actor, path, kind, old_value::VARCHAR AS old_value, new_value::VARCHAR AS new_value
FROM changes
WHERE seq IN (SELECT unnest($seqs::BIGINT[])) AND NOT noise
ORDER BY seq, path, kind
