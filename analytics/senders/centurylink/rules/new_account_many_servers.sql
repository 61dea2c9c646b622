/*
title = "New account with many servers"
severity = "high"
why = """
A sign-up that builds many servers within its first hour is rarely a customer: stolen cards and identities buy computing \
power that nobody will pay for, to mine, to send mail or to attack others."""
todo = """
Verify who signed up and how they pay. If in doubt, suspend the account, keep the data in its notifications, and look \
for public addresses on its servers."""
references = [
    "MITRE ATT&CK T1496.001, Resource Hijacking: Compute Hijacking: https://attack.mitre.org/techniques/T1496/001/",
    "MITRE ATT&CK T1578.002, Create Cloud Instance: https://attack.mitre.org/techniques/T1578/002/",
]

[reasons]
high = "a sign-up that builds so many at once is rarely a customer"

[parameters]
servers = 10          # so many servers of a new account are many
within_minutes = 60   # counted from the account's creation

[[fires]]
title = "Twelve servers within twenty minutes of the sign-up"
expected = ["high NEWB: 12 servers were built in NEWB within 60 min of its creation, the first by mallory: WA1NEWBSRV1, W"]
[[fires.notifications]]
event = "Account.Created"
at = 2026-03-04T10:00:00Z
body = '{"accountAlias":"NEWB","businessName":"New Broom","parentAlias":"ROOT","status":"Active"}'
[[fires.notifications]]
event = "User.Created"
at = 2026-03-04T10:02:00Z
body = '{"userName":"mallory","accountAlias":"NEWB","status":"Active"}'
[[fires.notifications]]
event = "Server.Created"
at = 2026-03-04T10:05:00Z
times = 12
every_seconds = 90
body = '''{"name":"WA1NEWBSRV{{n}}","status":"underConstruction","changeInfo":{"createdBy":"mallory","createdDate":"{{at}}",
"modifiedBy":"mallory","modifiedDate":"{{at}}"},"links":[{"rel":"account","id":"newb"}]}'''

[[fires]]
title = "Target URLs that name the category only"
expected = ["high NEWB: 10 servers were built in NEWB"]
[[fires.notifications]]
event = "Account"
at = 2026-03-04T10:00:00Z
body = '{"accountAlias":"NEWB","businessName":"New Broom","parentAlias":"ROOT","status":"Active"}'
[[fires.notifications]]
event = "Server"
at = 2026-03-04T10:05:00Z
times = 10
every_seconds = 90
body = '''{"name":"WA1NEWBSRV{{n}}","status":"underConstruction","changeInfo":{"createdBy":"mallory","createdDate":"{{at}}",
"modifiedBy":"mallory","modifiedDate":"{{at}}"},"links":[{"rel":"account","id":"newb"}]}'''

[[fires]]
title = "The server that was built first comes last"
expected = ["high NEWB: 11 servers were built in NEWB within 60 min of its creation, the first by mallory: WA1NEWBOLD, WA1NEWBS"]
[[fires.notifications]]
event = "Account.Created"
at = 2026-03-04T10:00:00Z
body = '{"accountAlias":"NEWB","businessName":"New Broom","parentAlias":"ROOT","status":"Active"}'
[[fires.notifications]]
event = "Server.Created"
at = 2026-03-04T10:05:00Z
times = 10
every_seconds = 60
body = '''{"name":"WA1NEWBSRV{{n}}","status":"underConstruction","changeInfo":{"createdBy":"nell","createdDate":"{{at}}",
"modifiedBy":"nell","modifiedDate":"{{at}}"},"links":[{"rel":"account","id":"newb"}]}'''
[[fires.notifications]]
event = "Server.Created"
at = 2026-03-04T10:30:00Z
body = '''{"name":"WA1NEWBOLD","status":"underConstruction","changeInfo":{"createdBy":"mallory",
"createdDate":"2026-03-04T10:01:00Z","modifiedBy":"mallory","modifiedDate":"2026-03-04T10:01:00Z"},
"links":[{"rel":"account","id":"newb"}]}'''

[[fires]]
title = "Nobody is named for the server that was built first"
expected = ["high NEWB: 11 servers were built in NEWB within 60 min of its creation: WA1NEWBOLD, WA1NEWBSRV1, WA1NEWBSRV2 and"]
[[fires.notifications]]
event = "Account.Created"
at = 2026-03-04T10:00:00Z
body = '{"accountAlias":"NEWB","businessName":"New Broom","parentAlias":"ROOT","status":"Active"}'
[[fires.notifications]]
event = "Server.Created"
at = 2026-03-04T10:01:00Z
body = '''{"name":"WA1NEWBOLD","status":"underConstruction","changeInfo":{"createdDate":"{{at}}","modifiedDate":"{{at}}"},
"links":[{"rel":"account","id":"newb"}]}'''
[[fires.notifications]]
event = "Server.Created"
at = 2026-03-04T10:05:00Z
times = 10
every_seconds = 60
body = '''{"name":"WA1NEWBSRV{{n}}","status":"underConstruction","changeInfo":{"createdBy":"nell","createdDate":"{{at}}",
"modifiedBy":"nell","modifiedDate":"{{at}}"},"links":[{"rel":"account","id":"newb"}]}'''

[[fires]]
title = "An update of the account comes before its creation, and the creation comes again a week later"
expected = ["high NEWB: 12 servers were built in NEWB within 60 min of its creation, the first by mallory: WA1NEWBSRV1, W"]
[[fires.notifications]]
event = "Account.Updated"
at = 2026-03-04T09:59:58Z
body = '{"accountAlias":"NEWB","businessName":"New Broom","parentAlias":"ROOT","status":"Active"}'
[[fires.notifications]]
event = "Account.Created"
at = 2026-03-04T10:00:00Z
body = '{"accountAlias":"NEWB","businessName":"New Broom","parentAlias":"ROOT","status":"Active"}'
[[fires.notifications]]
event = "Server.Created"
at = 2026-03-04T10:05:00Z
times = 12
every_seconds = 90
body = '''{"name":"WA1NEWBSRV{{n}}","status":"underConstruction","changeInfo":{"createdBy":"mallory","createdDate":"{{at}}",
"modifiedBy":"mallory","modifiedDate":"{{at}}"},"links":[{"rel":"account","id":"newb"}]}'''
[[fires.notifications]]
event = "Account.Created"
at = 2026-03-11T10:00:00Z
body = '{"accountAlias":"NEWB","businessName":"New Broom","parentAlias":"ROOT","status":"Active"}'

[[silent]]
title = "Three servers in a new account"
[[silent.notifications]]
event = "Account.Created"
at = 2026-03-04T10:00:00Z
body = '{"accountAlias":"NEWB","businessName":"New Broom","parentAlias":"ROOT","status":"Active"}'
[[silent.notifications]]
event = "Server.Created"
at = 2026-03-04T10:05:00Z
times = 3
every_seconds = 90
body = '''{"name":"WA1NEWBSRV{{n}}","status":"underConstruction","changeInfo":{"createdBy":"nell","createdDate":"{{at}}",
"modifiedBy":"nell","modifiedDate":"{{at}}"},"links":[{"rel":"account","id":"newb"}]}'''

[[silent]]
title = "Twelve servers the day after"
[[silent.notifications]]
event = "Account.Created"
at = 2026-03-04T10:00:00Z
body = '{"accountAlias":"NEWB","businessName":"New Broom","parentAlias":"ROOT","status":"Active"}'
[[silent.notifications]]
event = "Server.Created"
at = 2026-03-05T10:05:00Z
times = 12
every_seconds = 90
body = '''{"name":"WA1NEWBSRV{{n}}","status":"underConstruction","changeInfo":{"createdBy":"nell","createdDate":"{{at}}",
"modifiedBy":"nell","modifiedDate":"{{at}}"},"links":[{"rel":"account","id":"newb"}]}'''

[[silent]]
title = "Twelve servers a week after the account was created; its creation comes again just before, also after a deletion"
[[silent.notifications]]
event = "Account.Created"
at = 2026-03-04T10:00:00Z
body = '{"accountAlias":"NEWB","businessName":"New Broom","parentAlias":"ROOT","status":"Active"}'
[[silent.notifications]]
event = "Account.Deleted"
at = 2026-03-11T09:59:00Z
body = '{"accountAlias":"NEWB","businessName":"New Broom","parentAlias":"ROOT","status":"Active"}'
[[silent.notifications]]
event = "Account.Created"
at = 2026-03-11T10:00:00Z
body = '{"accountAlias":"NEWB","businessName":"New Broom","parentAlias":"ROOT","status":"Active"}'
[[silent.notifications]]
event = "Server.Created"
at = 2026-03-11T10:05:00Z
times = 12
every_seconds = 90
body = '''{"name":"WA1NEWBSRV{{n}}","status":"underConstruction","changeInfo":{"createdBy":"mallory","createdDate":"{{at}}",
"modifiedBy":"mallory","modifiedDate":"{{at}}"},"links":[{"rel":"account","id":"newb"}]}'''

[[silent]]
title = "Twelve servers in an account that was updated a week before, after a creation that comes for the first time"
[[silent.notifications]]
event = "Account.Updated"
at = 2026-03-04T10:00:00Z
body = '{"accountAlias":"NEWB","businessName":"New Broom","parentAlias":"ROOT","status":"Active"}'
[[silent.notifications]]
event = "Account.Created"
at = 2026-03-11T10:00:00Z
body = '{"accountAlias":"NEWB","businessName":"New Broom","parentAlias":"ROOT","status":"Active"}'
[[silent.notifications]]
event = "Server.Created"
at = 2026-03-11T10:05:00Z
times = 12
every_seconds = 90
body = '''{"name":"WA1NEWBSRV{{n}}","status":"underConstruction","changeInfo":{"createdBy":"mallory","createdDate":"{{at}}",
"modifiedBy":"mallory","modifiedDate":"{{at}}"},"links":[{"rel":"account","id":"newb"}]}'''

[[silent]]
title = "Twelve servers in an account that was there before, which is updated"
[[silent.notifications]]
event = "Account.Updated"
at = 2026-03-04T10:00:00Z
body = '{"accountAlias":"ACME","businessName":"Acme","parentAlias":"ROOT","status":"Active"}'
[[silent.notifications]]
event = "Server.Created"
at = 2026-03-04T10:05:00Z
times = 12
every_seconds = 90
body = '''{"name":"WA1ACMESRV{{n}}","status":"underConstruction","changeInfo":{"createdBy":"ann","createdDate":"{{at}}",
"modifiedBy":"ann","modifiedDate":"{{at}}"},"links":[{"rel":"account","id":"acme"}]}'''
*/
-- A server has the platform's time and an account the time of receipt: the two may differ by five minutes. An alias is never
-- used again, so an account is created once, at the first sight of it or soon after: a later creation is one sent again.
WITH first_seen AS (
    SELECT notification_id, entity_id, changed_at
    FROM changes
    WHERE changed_at >= $since::TIMESTAMPTZ - to_minutes(2 * $within_minutes)
        AND changed_at < $until::TIMESTAMPTZ + INTERVAL 5 MINUTES
        AND sender = 'centurylink' AND category = 'Account' AND path = '' AND kind = 'added' AND old_value IS NULL
),
opened AS (
    SELECT account_alias, arg_min(id, (occurred_at, seq)) AS id, min(occurred_at) AS opened_at
    FROM notifications
    JOIN first_seen USING (entity_id)
    WHERE occurred_at >= $since::TIMESTAMPTZ - to_minutes(2 * $within_minutes)
        AND occurred_at < $until::TIMESTAMPTZ + INTERVAL 5 MINUTES
        AND occurred_at <= changed_at + to_minutes($within_minutes)
        AND notifications.sender = 'centurylink' AND notifications.category = 'Account' AND duplicate_of IS NULL
        AND account_alias IS NOT NULL
        AND (action = 'Created' OR (action IS NULL AND id = notification_id))
    GROUP BY account_alias
),
built AS (
    SELECT account_alias, entity_id, id, seq, least(occurred_at, received_at) AS built_at, actor
    FROM notifications
    WHERE occurred_at >= $since::TIMESTAMPTZ - to_minutes($within_minutes + 5)
        AND received_at >= $since::TIMESTAMPTZ - to_minutes($within_minutes + 5)
        AND built_at < $until::TIMESTAMPTZ
        AND sender = 'centurylink' AND category = 'Server' AND action = 'Created' AND duplicate_of IS NULL
        AND account_alias IN (SELECT account_alias FROM opened)
    QUALIFY row_number() OVER (PARTITION BY account_alias, entity_id ORDER BY built_at, seq) = 1
),
grown AS (
    SELECT
        account_alias,
        opened.id,
        any_value(opened_at) + to_minutes($within_minutes) AS open_until,
        list(built_at ORDER BY built_at, built.seq) AS moments,
        list(built.id ORDER BY built_at, built.seq) AS built_ids,
        arg_max(built.id, built.seq) AS last_stored,
        list(built.entity_id ORDER BY built_at, built.seq) AS names,
        list(built.actor ORDER BY built_at, built.seq)[1] AS actor
    FROM opened
    JOIN built USING (account_alias)
    WHERE built_at >= opened_at - INTERVAL 5 MINUTES
        AND built_at <= opened_at + to_minutes($within_minutes)
    GROUP BY account_alias, opened.id
    HAVING count(*) >= $servers
)
SELECT
    moments[$servers] AS found_at,
    'Account' AS category,
    account_alias AS entity_id,
    account_alias,
    actor,
    concat(
        len(moments), ' servers were built in ', account_alias, ' within ', $within_minutes, ' min of its creation',
        if(actor IS NULL, '', concat(', the first by ', actor)), ': ', array_to_string(names[:3], ', '), ' and others.'
    ) AS sentence,
    list_concat([id], built_ids[:98], [last_stored]) AS notification_ids,
    open_until
FROM grown
WHERE found_at >= $since::TIMESTAMPTZ
