/*
title = "User created"
severity = "low"
why = """
A new user is a new way in, and one that an intruder makes to stay. Outside working hours it is of medium severity where it \
is seldom, and of high severity if its e-mail address is of a domain that no other user of the account has."""
todo = "Check that somebody asked for this user, and which roles it has: notifications do not tell those."
references = [
    "MITRE ATT&CK T1136.003, Create Account: Cloud Account: https://attack.mitre.org/techniques/T1136/003/",
    "NIST SP 800-53 AC-2, Account Management",
]

# A new user who changes what is not theirs has a rule of its own.
everyday = "administrators create users at any hour"

[reasons]
high = "outside working hours, with an address of a domain that is new in the account"
medium = "outside working hours"
low = "in working hours"

[parameters]
known_days = 30      # so far back other users of an account tell its domains
known_hours = 24     # a domain is new in its account for so long: an intruder may use it several times
apart_seconds = 60   # closer together two creations of a user are one and its copy

[[fires]]
title = "A user is created on a Wednesday morning"
expected = ["low KIM@ACME.EXAMPLE: KIM@ACME.EXAMPLE was created in ACME."]
[[fires.notifications]]
event = "User.Created"
at = 2026-03-04T10:00:00Z
body = '{"userName":"kim@acme.example","accountAlias":"ACME","emailAddress":"kim@acme.example","status":"Active"}'

[[fires]]
title = "At night, one with an address of another domain than the account's other users, and one of their domain"
expected = [
    "low ANN: ANN was created in ACME.",
    "high EVE: EVE was created in ACME with an address of mailbox.example. It was 02:12 on Wednesday, outside working hours (08:00 to 18:00 UTC, Monday to Friday).",
    "medium BEA: BEA was created in ACME. It was 02:40",
]
[[fires.notifications]]
event = "User.Created"
at = 2026-03-02T10:00:00Z
body = '{"userName":"ann","accountAlias":"ACME","emailAddress":"ann@acme.example","status":"Active"}'
[[fires.notifications]]
event = "User.Updated"
at = 2026-03-04T02:01:00Z
body = '{"userName":"ann","accountAlias":"ACME","emailAddress":"ann@mailbox.example","status":"Active"}'
[[fires.notifications]]
event = "User.Created"
at = 2026-03-04T02:12:00Z
body = '{"userName":"eve","accountAlias":"ACME","emailAddress":"eve@Mailbox.example","status":"Active"}'
[[fires.notifications]]
event = "User.Created"
at = 2026-03-04T02:40:00Z
body = '{"userName":"bea","accountAlias":"ACME","emailAddress":"bea@ACME.example","status":"Active"}'

[[fires]]
title = "A user is created on a Sunday"
expected = ["medium KIM@ACME.EXAMPLE: KIM@ACME.EXAMPLE was created in ACME."]
[[fires.notifications]]
event = "User.Created"
at = 2026-03-08T10:00:00Z
body = '{"userName":"kim@acme.example","accountAlias":"ACME","emailAddress":"kim@acme.example","status":"Active"}'

[[fires]]
title = "A target URL that names the category only"
expected = ["low KIM: KIM of ACME was seen for the first time; the target URL does not tell created from updated."]
[[fires.notifications]]
event = "User"
at = 2026-03-04T10:00:00Z
times = 2
every_seconds = 3600
body = '{"userName":"kim","accountAlias":"ACME","status":"Active"}'

[[fires]]
title = "The same creation comes again within half a minute, and again an hour later"
expected = ["low KIM: KIM was created in ACME.", "low KIM: KIM was created in ACME."]
[[fires.notifications]]
event = "User.Created"
at = 2026-03-04T10:00:00Z
times = 2
every_seconds = 30
body = '{"userName":"kim","accountAlias":"ACME","status":"Active"}'
[[fires.notifications]]
event = "User.Created"
at = 2026-03-04T11:00:00Z
body = '{"userName":"kim","accountAlias":"ACME","status":"Active"}'

[[fires]]
title = "A user is created, deleted and created again within a minute"
expected = ["low KIM: KIM was created in ACME.", "low KIM: KIM was created in ACME."]
[[fires.notifications]]
event = "User.Created"
at = 2026-03-04T10:00:00Z
times = 2
every_seconds = 40
body = '{"userName":"kim","accountAlias":"ACME","status":"Active"}'
[[fires.notifications]]
event = "User.Deleted"
at = 2026-03-04T10:00:20Z
body = '{"userName":"kim","accountAlias":"ACME","status":"Deleted"}'

[[fires]]
title = "Users are seen at a URL of their category and at one of their creation, in both orders, and one again after its deletion"
expected = [
    "low KIM: KIM of ACME was seen for the first time; the target URL does not tell created from updated.",
    "low LEE: LEE was created in ACME.",
    "low KIM: KIM was created in ACME.",
]
[[fires.notifications]]
event = "User"
at = 2026-03-04T10:00:00Z
body = '{"userName":"kim","accountAlias":"ACME","status":"Active"}'
[[fires.notifications]]
event = "User.Created"
at = 2026-03-04T10:00:01Z
body = '{"userName":"kim","accountAlias":"ACME","status":"Active"}'
[[fires.notifications]]
event = "User.Created"
at = 2026-03-04T10:00:02Z
body = '{"userName":"lee","accountAlias":"ACME","status":"Active"}'
[[fires.notifications]]
event = "User"
at = 2026-03-04T10:00:03Z
body = '{"userName":"lee","accountAlias":"ACME","status":"Active"}'
[[fires.notifications]]
event = "User.Deleted"
at = 2026-03-04T10:00:20Z
body = '{"userName":"kim","accountAlias":"ACME","status":"Deleted"}'
[[fires.notifications]]
event = "User.Created"
at = 2026-03-04T10:00:40Z
body = '{"userName":"kim","accountAlias":"ACME","status":"Active"}'

[[fires]]
title = "An update at a URL of the category comes half a minute before the creation is sent again"
expected = ["low KIM: KIM was created in ACME.", "low KIM: KIM was created in ACME."]
[[fires.notifications]]
event = "User.Created"
at = 2026-03-04T10:00:00Z
body = '{"userName":"kim","accountAlias":"ACME","status":"Active"}'
[[fires.notifications]]
event = "User"
at = 2026-03-04T10:59:30Z
body = '{"userName":"kim","accountAlias":"ACME","status":"Active"}'
[[fires.notifications]]
event = "User.Created"
at = 2026-03-04T11:00:00Z
body = '{"userName":"kim","accountAlias":"ACME","status":"Active"}'

[[fires]]
title = "Half a minute later the user is created in another account"
expected = ["low KIM: KIM was created in ACME.", "low KIM: KIM was created in EVIL."]
[[fires.notifications]]
event = "User.Created"
at = 2026-03-04T10:00:00Z
body = '{"userName":"kim","accountAlias":"ACME","status":"Active"}'
[[fires.notifications]]
event = "User.Created"
at = 2026-03-04T10:00:30Z
body = '{"userName":"kim","accountAlias":"EVIL","status":"Active"}'

[[fires]]
title = "Two users without a name are created within half a minute"
expected = ["low None: A user without a name was created in ACME.", "low None: A user without a name was created in ACME."]
[[fires.notifications]]
event = "User.Created"
at = 2026-03-04T10:00:00Z
times = 2
every_seconds = 30
body = '{"userName":"","emailAddress":"{{n}}@acme.example","accountAlias":"ACME","status":"Active"}'

[[fires]]
title = "A user comes back after its deletion, at a URL of the category"
expected = ["low KIM: KIM of ACME was seen for the first time; the target URL does not tell created from updated."]
[[fires.notifications]]
event = "User"
at = 2026-03-04T10:00:00Z
body = '{"userName":"kim","accountAlias":"ACME","status":"Active"}'
[[fires.notifications]]
event = "User.Deleted"
at = 2026-03-04T11:00:00Z
body = '{"userName":"kim","accountAlias":"ACME","status":"Deleted"}'
[[fires.notifications]]
event = "User"
at = 2026-03-04T12:00:00Z
body = '{"userName":"kim","accountAlias":"ACME","status":"Active"}'

[[silent]]
title = "A user who was there before the receiver is updated and deleted"
[[silent.notifications]]
event = "User.Updated"
at = 2026-03-04T10:00:00Z
body = '{"userName":"kim","accountAlias":"ACME","status":"Active"}'
[[silent.notifications]]
event = "User.Deleted"
at = 2026-03-05T10:00:00Z
body = '{"userName":"kim","accountAlias":"ACME","status":"Deleted"}'
*/
-- A copy may come after the receiver's window for copies, and at the other URL, of the event or of the category only. A
-- creation that brings a deleted user back is none.
WITH first_seen AS (
    SELECT notification_id AS id, old_value IS NOT NULL AS comes_back
    FROM changes
    WHERE changed_at >= $since::TIMESTAMPTZ - to_seconds($apart_seconds) AND changed_at < $until::TIMESTAMPTZ
        AND sender = 'centurylink' AND category = 'User' AND path = '' AND kind = 'added'
),
sights AS (
    SELECT
        id,
        seq,
        occurred_at,
        account_alias,
        entity_id,
        action,
        lower(split_part(payload ->> '$.emailAddress', '@', 2)) AS domain,
        first_seen.id IS NOT NULL AS is_first,
        comes_back
    FROM notifications
    LEFT JOIN first_seen USING (id)
    WHERE occurred_at >= $since::TIMESTAMPTZ - to_seconds($apart_seconds) AND occurred_at < $until::TIMESTAMPTZ
        AND sender = 'centurylink' AND category = 'User' AND (action = 'Created' OR action IS NULL) AND duplicate_of IS NULL
),
created AS (
    SELECT
        *,
        (epoch_us(occurred_at) - lag(epoch_us(occurred_at)) OVER (
            PARTITION BY account_alias, entity_id ORDER BY occurred_at, seq
        )) / 1e6 AS since_last
    FROM sights
    WHERE action IS NOT NULL OR (is_first AND NOT comes_back)
),
addresses AS MATERIALIZED (
    SELECT
        account_alias,
        entity_id,
        lower(split_part(payload ->> '$.emailAddress', '@', 2)) AS domain,
        min(occurred_at) AS told_at
    FROM notifications
    WHERE occurred_at >= $since::TIMESTAMPTZ - to_days($known_days) AND occurred_at < $until::TIMESTAMPTZ
        AND sender = 'centurylink' AND category = 'User' AND duplicate_of IS NULL AND domain <> ''
        AND account_alias IN (SELECT account_alias FROM created WHERE tell_outside_hours(occurred_at) IS NOT NULL)
    GROUP BY ALL
),
foreigners AS (
    SELECT created.id
    FROM created
    JOIN addresses AS others
        ON others.account_alias = created.account_alias AND others.entity_id <> created.entity_id
            AND others.told_at <= created.occurred_at - to_hours($known_hours) AND created.domain <> ''
    WHERE tell_outside_hours(occurred_at) IS NOT NULL
    GROUP BY created.id
    HAVING NOT bool_or(others.domain = created.domain)
)
SELECT
    occurred_at AS found_at,
    'User' AS category,
    entity_id,
    account_alias,
    NULL::VARCHAR AS actor,
    concat(
        coalesce(entity_id, 'A user without a name'),
        if(action IS NULL, ' of ', ' was created in '),
        coalesce(account_alias, '(no account)'),
        if(action IS NULL, ' was seen for the first time; the target URL does not tell created from updated.',
            if(is_foreign, concat(' with an address of ', domain, '.'), '.')),
        tell_outside_hours(occurred_at)
    ) AS sentence,
    [id] AS notification_ids,
    CASE WHEN tell_outside_hours(occurred_at) IS NULL THEN 'low' WHEN is_foreign THEN 'high' ELSE 'medium' END AS severity
FROM (SELECT *, id IN (FROM foreigners) AS is_foreign FROM created)
WHERE occurred_at >= $since::TIMESTAMPTZ
    AND (is_first OR entity_id IS NULL OR since_last IS NULL OR since_last > $apart_seconds)
