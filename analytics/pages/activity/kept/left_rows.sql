-- The condition that a row is of a counted notification and lies in a period that is cut; a part of other queries.
            (
                (received_at >= make_timestamptz(($cut_begins::BIGINT[])[1]) AND received_at < make_timestamptz(($cut_ends::BIGINT[])[1]))
                OR (received_at >= make_timestamptz(($cut_begins::BIGINT[])[2]) AND received_at < make_timestamptz(($cut_ends::BIGINT[])[2]))
                OR (received_at >= make_timestamptz(($cut_begins::BIGINT[])[3]) AND received_at < make_timestamptz(($cut_ends::BIGINT[])[3]))
                OR (received_at >= make_timestamptz(($cut_begins::BIGINT[])[4]) AND received_at < make_timestamptz(($cut_ends::BIGINT[])[4]))
            )
            AND seq <=
            -- include last_kept.sql
