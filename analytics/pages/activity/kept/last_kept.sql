-- The last counted notification; 0 if the counts are not those that the page knows, so that all is counted from rows; a part
-- of other queries. The queries have a CTE of the name `counted`, too.
            (SELECT coalesce(max(last_seq), 0) FROM main.counted WHERE last_seq = $kept_seq)
