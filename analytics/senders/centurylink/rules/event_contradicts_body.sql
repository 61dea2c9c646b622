/*
title = "Body of another event"
severity = "high"
why = """
Only the target URL tells a notification's event, and no signature covers the URL. This body does not fit its event, so it \
was sent to a wrong URL: by a mistake in the platform's settings, or by somebody who makes an entity look created or \
deleted. The severity is medium where only a time or an account's status contradicts the event."""
todo = """
Look up the target URLs in the platform's settings. If each is right, somebody else sent this notification: compare its \
source address with others, and put a secret into the target URLs (CLC_URL_SECRET), or change it."""
references = [
    "MITRE ATT&CK T1565.001, Stored Data Manipulation: https://attack.mitre.org/techniques/T1565/001/",
    "CWE-345, Insufficient Verification of Data Authenticity: https://cwe.mitre.org/data/definitions/345.html",
]

[reasons]
high = "the body is not of the event's kind, or not of its moment"
medium = "only a time or an account's status contradicts the event"

[parameters]
created_minutes = 60   # a server that was modified later than this after its creation was not just created

[[fires]]
title = "Server, account and alert events carry the body of a user"
expected = [
    "high KIM: Server.Created has the body of a user, KIM.",
    "high KIM: Account.Deleted has the body of a user, KIM.",
    "high KIM: Alert.Notification has the body of a user, KIM.",
]
[[fires.notifications]]
event = "Server.Created"
at = 2026-03-04T10:00:00Z
body = '{"userName":"kim","accountAlias":"ACME","status":"Active"}'
[[fires.notifications]]
event = "Account.Deleted"
at = 2026-03-04T11:00:00Z
body = '{"userName":"kim","accountAlias":"ACME","status":"Active"}'
[[fires.notifications]]
event = "Alert.Notification"
at = 2026-03-04T12:00:00Z
body = '{"userName":"kim","accountAlias":"ACME","status":"Active"}'

[[fires]]
title = "Events carry the body of a server, a deleted server, an account or an alert, and are of another category"
expected = [
    "high WA1ACMEWEB01: User.Updated has the body of a server, WA1ACMEWEB01.",
    "high WA1ACMEWEB01: Server.Updated has the body of a deleted server, WA1ACMEWEB01.",
    "high ACME: User.Created has the body of an account, ACME.",
    "high WA1ACMEWEB01: Server.Updated has the body of an alert, WA1ACMEWEB01.",
    "high ACME: Server has the body of an account, ACME.",
]
[[fires.notifications]]
event = "User.Updated"
at = 2026-03-04T10:00:00Z
body = '{"name":"WA1ACMEWEB01","details":{"cpu":2},"links":[{"rel":"account","id":"acme"}]}'
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-04T11:00:00Z
body = '{"accountAlias":"ACME","name":"WA1ACMEWEB01"}'
[[fires.notifications]]
event = "User.Created"
at = 2026-03-04T12:00:00Z
body = '{"accountAlias":"ACME","businessName":"Acme","status":"Active"}'
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-04T13:00:00Z
body = '{"accountAlias":"ACME","serverName":"WA1ACMEWEB01","triggers":[{"metric":"cpu","state":"triggered"}]}'
[[fires.notifications]]
event = "Server"
at = 2026-03-04T14:00:00Z
body = '{"accountAlias":"ACME","businessName":"Acme","status":"Active"}'

[[fires]]
title = "Events delete entities that still exist, and an event creates a deleted user"
expected = [
    "high KIM: User.Deleted has the body of a user whose status is Active, KIM.",
    "high WA1ACMEWEB01: Server.Deleted has the body of a server that still exists, WA1ACMEWEB01.",
    "medium ACME: Account.Deleted has the body of an account whose status is Active, ACME.",
    "high LEE: User.Created has the body of a deleted user, LEE.",
]
[[fires.notifications]]
event = "User.Deleted"
at = 2026-03-04T10:00:00Z
body = '{"userName":"kim","accountAlias":"ACME","status":"Active"}'
[[fires.notifications]]
event = "Server.Deleted"
at = 2026-03-04T11:00:00Z
body = '''{"name":"WA1ACMEWEB01","status":"active","changeInfo":{"modifiedBy":"ann","modifiedDate":"{{at}}"},
"links":[{"rel":"account","id":"acme"}]}'''
[[fires.notifications]]
event = "Account.Deleted"
at = 2026-03-04T12:00:00Z
body = '{"accountAlias":"ACME","businessName":"Acme","status":"Active"}'
[[fires.notifications]]
event = "User.Created"
at = 2026-03-04T13:00:00Z
body = '{"userName":"lee","accountAlias":"ACME","status":"Deleted"}'

[[fires]]
title = "A Server.Created event carries a server that was modified a day after its creation"
expected = ["medium WA1ACMEWEB01: Server.Created has the body of a server that was created 1,440 min before, WA1ACMEWEB01."]
[[fires.notifications]]
event = "Server.Created"
at = 2026-03-04T10:00:00Z
body = '''{"name":"WA1ACMEWEB01","status":"active","details":{"cpu":2},"changeInfo":{"createdDate":"2026-03-03T10:00:00Z",
"modifiedBy":"ann","modifiedDate":"{{at}}"},"links":[{"rel":"account","id":"acme"}]}'''

[[fires]]
title = "Events delete and create servers that were created a year before"
expected = [
    "high WA1ACMEWEB01: Server.Deleted has the body of a server that still exists, WA1ACMEWEB01.",
    "high WA1ACMEWEB02: Server.Created has the body of a deleted server, WA1ACMEWEB02.",
    "high WA1ACMEWEB03: User.Updated has the body of a server, WA1ACMEWEB03.",
]
[[fires.notifications]]
event = "Server.Deleted"
at = 2026-03-04T10:00:00Z
body = '''{"name":"WA1ACMEWEB01","status":"active","details":{"cpu":2},"changeInfo":{"createdBy":"ann",
"createdDate":"2025-03-04T10:00:00Z","modifiedBy":"ann","modifiedDate":"{{at}}"},"links":[{"rel":"account","id":"acme"}]}'''
[[fires.notifications]]
event = "Server.Created"
at = 2026-03-04T11:00:00Z
body = '''{"name":"WA1ACMEWEB02","status":"deleted","details":{"cpu":2},"changeInfo":{"createdBy":"ann",
"createdDate":"2025-03-04T10:00:00Z","modifiedBy":"ann","modifiedDate":"{{at}}"},"links":[{"rel":"account","id":"acme"}]}'''
[[fires.notifications]]
event = "User.Updated"
at = 2026-03-04T12:00:00Z
body = '''{"name":"WA1ACMEWEB03","status":"active","details":{"cpu":2},"changeInfo":{"createdBy":"ann",
"createdDate":"2025-03-04T10:00:00Z","modifiedBy":"ann","modifiedDate":"{{at}}"},"links":[{"rel":"account","id":"acme"}]}'''

[[fires]]
title = "A user still exists, whose name has a letter that is two in upper case"
expected = ["high GROSS: User.Deleted has the body of a user whose status is Active, GROSS."]
[[fires.notifications]]
event = "User.Deleted"
at = 2026-03-04T10:00:00Z
body = '{"userName":"groß","accountAlias":"ACME","status":"Active"}'

[[silent]]
title = "Each event carries its own body"
[[silent.notifications]]
event = "Account.Deleted"
at = 2026-03-04T10:00:00Z
body = '{"accountAlias":"ACME","businessName":"Acme","status":"Deleted"}'
[[silent.notifications]]
event = "User.Deleted"
at = 2026-03-04T10:00:00Z
body = '{"userName":"kim","accountAlias":"ACME","status":"Deleted"}'
[[silent.notifications]]
event = "Server.Created"
at = 2026-03-04T10:00:00Z
body = '''{"name":"WA1ACMEWEB01","status":"underConstruction","changeInfo":{"createdDate":"{{at}}","modifiedDate":"{{at}}"},
"links":[{"rel":"account","id":"acme"}]}'''
[[silent.notifications]]
event = "Server.Deleted"
at = 2026-03-05T10:00:00Z
body = '{"accountAlias":"ACME","name":"WA1ACMEWEB01"}'
[[silent.notifications]]
event = "Server.Updated"
at = 2026-03-05T10:00:00Z
body = '{"accountAlias":"ACME","name":"WA1ACMEWEB02","cpu":2,"locationAlias":"WA1","status":"Active"}'
[[silent.notifications]]
event = "Alert.Notification"
at = 2026-03-05T10:00:00Z
body = '{"accountAlias":"ACME","serverName":"WA1ACMEWEB01","triggers":[{"metric":"cpu","state":"triggered"}]}'

[[silent]]
title = "Updates set the status of a user and an account to Deleted, and some bodies tell nothing"
[[silent.notifications]]
event = "User.Updated"
at = 2026-03-04T10:00:00Z
body = '{"userName":"kim","accountAlias":"ACME","status":"Deleted"}'
[[silent.notifications]]
event = "Account.Updated"
at = 2026-03-04T10:00:00Z
body = '{"accountAlias":"ACME","businessName":"Acme","status":"Deleted"}'
[[silent.notifications]]
event = "User.Deleted"
at = 2026-03-04T10:00:00Z
body = '{"userName":null,"accountAlias":["ACME"],"status":7}'
[[silent.notifications]]
event = "Server.Created"
at = 2026-03-04T10:00:00Z
body = '{"name":"WA1ACMEWEB01","details":{},"changeInfo":{"createdDate":"-infinity","modifiedDate":"infinity"}}'

[[silent]]
title = "Another sender, whose bodies have fields of the same names"
[[silent.notifications]]
sender = "generic-hmac"
headers = { X-Event = "invoice.updated" }
at = 2026-03-04T10:00:00Z
body = '{"id":"inv-17","account":"ACME","userName":"kim","status":"deleted","details":{"lines":2}}'
*/
-- Most bodies need not be read: the receiver found a name, an actor or a time in them, so they fit their category. The
-- query parses the others once.
WITH suspects AS (
    SELECT
        id,
        received_at,
        coalesce(event_type, category) AS event,
        category,
        action,
        account_alias,
        actor,
        payload,
        payload ->> [
            '$.userName', '$.name', '$.serverName', '$.status', '$.businessName', '$.accountAlias', '$.triggers',
            '$.changeInfo.createdDate', '$.changeInfo.modifiedDate', '$.details', '$.groupId', '$.locationId',
            '$.changeInfo', '$.locationAlias', '$.groupUri'
        ] AS fields
    FROM notifications
    WHERE received_at >= $since::TIMESTAMPTZ AND received_at < $until::TIMESTAMPTZ AND duplicate_of IS NULL
        AND sender = 'centurylink'
        AND CASE category
            WHEN 'Server'
            THEN coalesce(action, '') <> 'Updated' OR entity_id IS NULL OR (actor IS NULL AND occurred_at = received_at)
            WHEN 'User' THEN coalesce(action, '') <> 'Updated' OR entity_id IS NULL
            WHEN 'Alert' THEN entity_id IS NULL
            ELSE true
        END
),
told AS (
    SELECT
        * EXCLUDE (fields),
        fields[1] AS user_name,
        fields[2] AS server_name,
        fields[3] AS alerting_name,
        fields[4] AS status,
        fields[5] AS business_name,
        fields[6] AS alias,
        fields[7] AS triggers,
        try(epoch(TRY_CAST(fields[9] AS TIMESTAMPTZ) - TRY_CAST(fields[8] AS TIMESTAMPTZ))) / 60 AS minutes_old,
        coalesce(fields[10], fields[11], fields[12], fields[13], fields[14], fields[15]) AS server_field
    FROM suspects
),
-- Each of the platform's kinds of body has fields that no other kind has.
kinds AS (
    SELECT
        *,
        lower(category) AS own_kind,
        CASE
            WHEN coalesce(user_name, business_name, server_field, triggers) IS NULL
            THEN if(
                alias IS NOT NULL AND server_name IS NOT NULL AND len(json_keys(payload)) = 2, ['deleted server'], []
            )
            ELSE list_filter(
                [
                    if(user_name IS NOT NULL, 'user', NULL),
                    if(business_name IS NOT NULL, 'account', NULL),
                    if(alerting_name IS NOT NULL AND triggers IS NOT NULL, 'alert', NULL),
                    if(server_field IS NOT NULL, 'server', NULL)
                ],
                lambda kind: kind IS NOT NULL
            )
        END AS kinds
    FROM told
),
judged AS (
    SELECT
        *,
        CASE
            WHEN kinds = ['deleted server'] AND (category <> 'Server' OR action <> 'Deleted') THEN 'deleted server'
            WHEN len(kinds) > 0 AND kinds <> ['deleted server'] AND NOT list_contains(kinds, own_kind) THEN kinds[1]
        END AS other_kind,
        concat('server that was created ', format('{:,}', minutes_old::BIGINT), ' min before') AS old_server,
        CASE
            WHEN NOT list_contains(kinds, own_kind) THEN NULL
            WHEN action = 'Deleted' AND category = 'Server' AND lower(coalesce(status, '')) NOT IN ('deleted', 'queuedfordelete')
            THEN 'server that still exists'
            WHEN action = 'Deleted' AND category IN ('User', 'Account') AND lower(status) <> 'deleted'
            THEN concat(own_kind, ' whose status is ', status)
            WHEN action = 'Created' AND lower(status) = 'deleted' THEN concat('deleted ', own_kind)
            WHEN action = 'Created' AND category = 'Server' AND minutes_old > $created_minutes THEN old_server
        END AS other_state,
        coalesce(other_kind, other_state) AS what,
        CASE coalesce(other_kind, own_kind)
            WHEN 'user' THEN user_name
            WHEN 'account' THEN account_alias
            WHEN 'alert' THEN alerting_name
            ELSE server_name
        END AS name
    FROM kinds
)
SELECT
    received_at AS found_at,
    CASE coalesce(other_kind, own_kind) WHEN 'user' THEN 'User' WHEN 'account' THEN 'Account' ELSE 'Server' END AS category,
    as_entity_id(name) AS entity_id,
    account_alias,
    actor,
    concat(
        event, ' has the body of ', if(what[1] IN ('a', 'e', 'i', 'o'), 'an ', 'a '), what, ', ',
        coalesce(as_entity_id(name), '(no name)'), '.'
    ) AS sentence,
    [id] AS notification_ids,
    -- Many a server is old, whatever else contradicts its event: only the contradiction that is told counts.
    if(other_kind IS NULL AND (category = 'Account' OR other_state = old_server), 'medium', 'high') AS severity
FROM judged
WHERE what IS NOT NULL
