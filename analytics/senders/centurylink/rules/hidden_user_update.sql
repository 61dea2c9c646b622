/*
title = "Hidden update of a user"
severity = "low"
why = """
A changed password, security PIN, title or telephone number appears as an update in which nothing differs. \
Anybody who sets another user's password can act as that user. Outside working hours the severity is medium where it \
is seldom."""
todo = """
Ask the user whether the change was theirs. If not, disable the user, set a new password and PIN, and look at what the \
user has done since."""
references = [
    "MITRE ATT&CK T1098, Account Manipulation: https://attack.mitre.org/techniques/T1098/",
    "NIST SP 800-53 IA-5, Authenticator Management",
]

# A burst in one account, and an e-mail address that changes next, have rules of their own.
everyday = "people change passwords at any hour"

[reasons]
medium = "outside working hours"
low = "in working hours"

[parameters]
apart_seconds = 60   # closer together the same update at a URL of its event and at one of the category is one

[[fires]]
title = "A user's body comes again, as it was"
expected = ["low KIM@ACME.EXAMPLE: KIM@ACME.EXAMPLE in ACME was updated, but no visible field changed"]
[[fires.notifications]]
event = "User.Created"
at = 2026-03-03T10:00:00Z
body = '{"userName":"kim@acme.example","accountAlias":"ACME","emailAddress":"kim@acme.example","status":"Active"}'
[[fires.notifications]]
event = "User.Updated"
at = 2026-03-04T10:00:00Z
body = '{"userName":"kim@acme.example","accountAlias":"ACME","emailAddress":"kim@acme.example","status":"Active"}'

[[fires]]
title = "The same at night"
expected = ["medium KIM@ACME.EXAMPLE: KIM@ACME.EXAMPLE in ACME was updated, but no visible field changed"]
[[fires.notifications]]
event = "User.Created"
at = 2026-03-03T10:00:00Z
body = '{"userName":"kim@acme.example","accountAlias":"ACME","emailAddress":"kim@acme.example","status":"Active"}'
[[fires.notifications]]
event = "User.Updated"
at = 2026-03-04T02:30:00Z
body = '{"userName":"kim@acme.example","accountAlias":"ACME","emailAddress":"kim@acme.example","status":"Active"}'

[[fires]]
title = "Three updates within two minutes, each at a URL of its event and at one of the category, in both orders"
expected = [
    "low KIM: KIM in ACME was updated, but no visible field changed",
    "low KIM: KIM in ACME was updated, but no visible field changed",
    "low KIM: KIM in ACME was updated, but no visible field changed",
]
[[fires.notifications]]
event = "User.Created"
at = 2026-03-03T10:00:00Z
body = '{"userName":"kim","accountAlias":"ACME","status":"Active"}'
[[fires.notifications]]
event = "User.Updated"
at = 2026-03-04T10:00:00Z
body = '{"userName":"kim","accountAlias":"ACME","status":"Active"}'
[[fires.notifications]]
event = "User"
at = 2026-03-04T10:00:02Z
body = '{"userName":"kim","accountAlias":"ACME","status":"Active"}'
[[fires.notifications]]
event = "User.Updated"
at = 2026-03-04T10:00:31Z
body = '{"userName":"kim","accountAlias":"ACME","status":"Active"}'
[[fires.notifications]]
event = "User"
at = 2026-03-04T10:00:30Z
body = '{"userName":"kim","accountAlias":"ACME","status":"Active"}'
[[fires.notifications]]
event = "User.Updated"
at = 2026-03-04T10:01:31Z
body = '{"userName":"kim","accountAlias":"ACME","status":"Active"}'
[[fires.notifications]]
event = "User"
at = 2026-03-04T10:01:32Z
body = '{"userName":"kim","accountAlias":"ACME","status":"Active"}'

[[fires]]
title = "The update at the URL of the category comes two minutes after that of the event"
expected = ["low KIM: KIM in ACME was updated", "low KIM: KIM in ACME was updated"]
[[fires.notifications]]
event = "User.Created"
at = 2026-03-03T10:00:00Z
body = '{"userName":"kim","accountAlias":"ACME","status":"Active"}'
[[fires.notifications]]
event = "User.Updated"
at = 2026-03-04T10:00:00Z
body = '{"userName":"kim","accountAlias":"ACME","status":"Active"}'
[[fires.notifications]]
event = "User"
at = 2026-03-04T10:02:00Z
body = '{"userName":"kim","accountAlias":"ACME","status":"Active"}'

[[fires]]
title = "A visible change and two hidden ones, each at both URLs, one after the other without a pause"
expected = ["low KIM: KIM in ACME was updated", "low KIM: KIM in ACME was updated"]
[[fires.notifications]]
event = "User.Created"
at = 2026-03-03T10:00:00Z
body = '{"userName":"kim","accountAlias":"ACME","status":"Active"}'
[[fires.notifications]]
event = "User.Updated"
at = 2026-03-04T10:00:00Z
body = '{"userName":"kim","accountAlias":"ACME","lastName":"Ross","status":"Active"}'
[[fires.notifications]]
event = "User"
at = 2026-03-04T10:00:50Z
body = '{"userName":"kim","accountAlias":"ACME","lastName":"Ross","status":"Active"}'
[[fires.notifications]]
event = "User.Updated"
at = 2026-03-04T10:01:30Z
body = '{"userName":"kim","accountAlias":"ACME","lastName":"Ross","status":"Active"}'
[[fires.notifications]]
event = "User"
at = 2026-03-04T10:02:00Z
body = '{"userName":"kim","accountAlias":"ACME","lastName":"Ross","status":"Active"}'
[[fires.notifications]]
event = "User.Updated"
at = 2026-03-04T10:02:20Z
body = '{"userName":"kim","accountAlias":"ACME","lastName":"Ross","status":"Active"}'
[[fires.notifications]]
event = "User"
at = 2026-03-04T10:02:30Z
body = '{"userName":"kim","accountAlias":"ACME","lastName":"Ross","status":"Active"}'

[[silent]]
title = "A creation and a visible update, each at a URL of its event and at one of the category"
[[silent.notifications]]
event = "User.Created"
at = 2026-03-03T10:00:00Z
body = '{"userName":"kim","accountAlias":"ACME","lastName":"Tate","status":"Active"}'
[[silent.notifications]]
event = "User"
at = 2026-03-03T10:00:01Z
body = '{"userName":"kim","accountAlias":"ACME","lastName":"Tate","status":"Active"}'
[[silent.notifications]]
event = "User"
at = 2026-03-04T10:00:00Z
body = '{"userName":"kim","accountAlias":"ACME","lastName":"Ross","status":"Active"}'
[[silent.notifications]]
event = "User.Updated"
at = 2026-03-04T10:00:01Z
body = '{"userName":"kim","accountAlias":"ACME","lastName":"Ross","status":"Active"}'

[[silent]]
title = "A name changes, which shows"
[[silent.notifications]]
event = "User.Created"
at = 2026-03-03T10:00:00Z
body = '{"userName":"kim@acme.example","accountAlias":"ACME","lastName":"Tate","status":"Active"}'
[[silent.notifications]]
event = "User.Updated"
at = 2026-03-04T10:00:00Z
body = '{"userName":"kim@acme.example","accountAlias":"ACME","lastName":"Ross","status":"Active"}'

[[silent]]
title = "The copy for the parent account, a second later"
[[silent.notifications]]
event = "User.Updated"
at = 2026-03-03T10:00:00Z
times = 2
every_seconds = 1
body = '{"userName":"kim@acme.example","accountAlias":"ACME","emailAddress":"kim@acme.example","status":"Active"}'
*/
-- Where a URL of the event and one of the category are set, each update comes at both, and the later one shows no difference.
-- In a run of updates without a pause the first at one URL is the first at the other, and so on. Gaps are in seconds: DuckDB
-- goes by the calendar to subtract one moment from another, which takes long.
WITH hidden AS (
    SELECT notification_id, changed_at, category, entity_id, account_alias, actor
    FROM changes
    WHERE changed_at >= $since::TIMESTAMPTZ AND changed_at < $until::TIMESTAMPTZ
        AND sender = 'centurylink' AND category = 'User' AND path = '' AND kind = 'unseen'
),
-- Only of these users an update may come at both: mostly URLs of one kind are set.
at_both_urls AS (
    SELECT entity_id
    FROM notifications
    WHERE occurred_at >= $since::TIMESTAMPTZ - to_seconds(10 * $apart_seconds)
        AND occurred_at < $until::TIMESTAMPTZ
        AND sender = 'centurylink' AND category = 'User' AND duplicate_of IS NULL
    GROUP BY entity_id
    HAVING bool_or(action IS NULL) AND bool_or(action IS NOT NULL)
),
steps AS (
    SELECT
        id,
        seq,
        entity_id,
        occurred_at,
        action IS NULL AS is_of_category,
        (epoch_us(occurred_at) - lag(epoch_us(occurred_at)) OVER (PARTITION BY entity_id ORDER BY occurred_at, seq)) / 1e6 AS gap
    FROM notifications
    WHERE occurred_at >= $since::TIMESTAMPTZ - to_seconds(10 * $apart_seconds)
        AND occurred_at < $until::TIMESTAMPTZ
        AND sender = 'centurylink' AND category = 'User' AND duplicate_of IS NULL
        AND entity_id IN (SELECT entity_id FROM hidden) AND entity_id IN (SELECT entity_id FROM at_both_urls)
),
runs AS (
    SELECT
        *,
        count(*) FILTER (gap IS NULL OR gap > $apart_seconds) OVER (
            PARTITION BY entity_id ORDER BY occurred_at, seq
        ) AS run
    FROM steps
),
numbered_at_url AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY entity_id, run, is_of_category ORDER BY occurred_at, seq) AS number
    FROM runs
),
copies AS (
    SELECT id
    FROM numbered_at_url
    QUALIFY row_number() OVER (PARTITION BY entity_id, run, number ORDER BY occurred_at, seq) > 1
)
SELECT
    changed_at AS found_at,
    category,
    entity_id,
    account_alias,
    actor,
    concat(
        entity_id, ' in ', coalesce(account_alias, '(no account)'),
        ' was updated, but no visible field changed: perhaps the password, PIN, title or telephone number.',
        tell_outside_hours(changed_at)
    ) AS sentence,
    [notification_id] AS notification_ids,
    if(tell_outside_hours(changed_at) IS NULL, 'low', 'medium') AS severity
FROM hidden
WHERE notification_id NOT IN (FROM copies)
