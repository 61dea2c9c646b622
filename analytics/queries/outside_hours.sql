CASE
    WHEN list_contains($work_days, isodow(timezone($time_zone, moment)))
        AND timezone($time_zone, moment)::TIME >= $work_begins::TIME AND timezone($time_zone, moment)::TIME < $work_ends::TIME
    THEN NULL
    ELSE concat(
        ' It was ', strftime(timezone($time_zone, moment), '%H:%M on %A'), ', outside working hours (', $working_hours, ').'
    )
END
