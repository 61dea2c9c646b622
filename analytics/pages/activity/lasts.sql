-- The last microsecond of each bin, computed from the begins of all; a part of other queries.
        [begin - 1 FOR begin IN ($begins::BIGINT[])[2:]] || [9223372036854775807]
