-- The damaged blocks that hold the catalogue: the tables and the places of their rows.
SELECT DISTINCT block_id FROM pragma_metadata_info() WHERE block_id IN (SELECT unnest(?::BIGINT[])) ORDER BY 1;
