-- A copy of another store's rows: `$copy` of `$copies` (counted from 0), which lie one after the other in number and in
-- time, all of them in the year before `$until`.
CREATE OR REPLACE TEMP TABLE pace AS
SELECT
    365 * 86_400_000_000 // $copies AS length_us,
    length_us / (epoch_us(max(received_at)) - epoch_us(min(received_at))) AS faster,
    epoch_us($until::TIMESTAMPTZ) - ($copies - $copy) * length_us - (epoch_us(min(received_at)) * faster)::BIGINT AS begin_us,
    $copy * max(seq) AS seqs_before,
    $copy AS copy
FROM source.notifications;

-- Ids begin with their time, as those of the receiver do.
CREATE OR REPLACE TEMP MACRO copied_id(id, copy, moment) AS
    (printf('%012x', epoch_ms(moment)) || substr(md5(id::VARCHAR || copy), 13))::UUID;
CREATE OR REPLACE TEMP MACRO moved(moment, begin_us, faster) AS make_timestamptz(begin_us + (epoch_us(moment) * faster)::BIGINT);

INSERT INTO notifications
SELECT
    seq + seqs_before, copied_id(id, copy, moved(received_at, begin_us, faster)), moved(received_at, begin_us, faster), event_type, category, action,
    account_alias, entity_id, actor, moved(occurred_at, begin_us, faster), signature_status, signature, source_ip,
    copied_id(duplicate_of, copy, moved(received_at, begin_us, faster)), payload
FROM source.notifications, pace
ORDER BY seq;

INSERT INTO changes
SELECT
    copied_id(notification_id, copy, moved(changed_at, begin_us, faster)), seq + seqs_before, moved(changed_at, begin_us, faster), category, entity_id,
    account_alias, actor, path, kind, noise, old_value, new_value
FROM source.changes, pace
ORDER BY seq;

CHECKPOINT;
