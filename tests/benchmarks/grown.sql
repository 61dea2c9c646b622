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

CREATE OR REPLACE TEMP MACRO moved(moment, begin_us, faster) AS make_timestamptz(begin_us + (epoch_us(moment) * faster)::BIGINT);
-- An id begins with its time in milliseconds, which moves too.
CREATE OR REPLACE TEMP MACRO time_of(id) AS make_timestamptz(1000 * ('0x' || left(replace(id::VARCHAR, '-', ''), 12))::BIGINT);
CREATE OR REPLACE TEMP MACRO moved_id(id, copy, begin_us, faster) AS
    (printf('%012x', epoch_ms(moved(time_of(id), begin_us, faster))) || substr(md5(id::VARCHAR || copy), 13))::UUID;

INSERT INTO notifications
SELECT notifications.* REPLACE (
    seq + seqs_before AS seq,
    moved_id(id, copy, begin_us, faster) AS id,
    moved(received_at, begin_us, faster) AS received_at,
    moved(occurred_at, begin_us, faster) AS occurred_at,
    moved_id(duplicate_of, copy, begin_us, faster) AS duplicate_of
)
FROM source.notifications, pace
ORDER BY seq;

INSERT INTO changes
SELECT
    moved_id(notification_id, copy, begin_us, faster), seq + seqs_before, moved(changed_at, begin_us, faster), category, entity_id,
    account_alias, actor, path, kind, noise, old_value, new_value, told, sender
FROM source.changes, pace
ORDER BY seq;

DELETE FROM account_states;

INSERT INTO account_states
SELECT alias, seq + seqs_before, business_name, parent_alias, sender
FROM source.account_states, pace;

CHECKPOINT;
