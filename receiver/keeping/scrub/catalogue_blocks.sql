-- Which of the damaged blocks hold the catalogue: what tables there are and where their rows lie.
SELECT DISTINCT block_id FROM pragma_metadata_info() WHERE block_id IN (SELECT unnest(?::BIGINT[])) ORDER BY 1;
