/*
title = "Signature used again"
severity = "high"
why = """
A signature covers only the body. It does not cover the event, which only the target URL names, or the time. Anybody who \
has a notification can send it again as any event, and its signature is still valid. The severity is high under another \
event, and medium under the same event if the body carries a time that a later event would have changed, or creates or deletes \
a user or an account: their names are never used again, so nothing creates or deletes them twice. So is the deletion of a server \
that is changed afterwards, though it was created before. Updates of a user or an account that are identical to an earlier one, \
or to the creation, are routine, whatever came between: they are no findings. Nor is one body of two events within a minute that \
fits both: the platform tells a creation or a deletion as an update, too."""
todo = """
Compare the two notifications' source addresses, and check the entity's real state in the platform's portal. If somebody \
else sent the second one, put a secret into the target URLs (CLC_URL_SECRET), or change the present secret."""
references = [
    "MITRE ATT&CK T1565.001, Stored Data Manipulation: https://attack.mitre.org/techniques/T1565/001/",
    "CWE-294, Authentication Bypass by Capture-replay: https://cwe.mitre.org/data/definitions/294.html",
]

[reasons]
high = "sent again as another event"
medium = "the same event, with a time that a later event would have changed, the creation or deletion of what can't be created or deleted twice, or the deletion of a server that was still there afterwards"

[parameters]
days = 7             # how long after its first use a signature is known, and a server can be seen that is said to be deleted
apart_seconds = 60   # closer together the same event is a copy, and a body may be of two events that it fits

[[fires]]
title = "A user's update comes again as three other events"
expected = [
    "high KIM: The signed body of User.Updated of KIM was replayed as User.Deleted 1 h later",
    "high KIM: The signed body of User.Updated of KIM was replayed as Server.Created 2 h later",
    "high ACME: The signed body of User.Updated of KIM was replayed as Account.Deleted 3 h later",
]
[[fires.notifications]]
event = "User.Updated"
at = 2026-03-04T10:00:00Z
body = '{"userName":"kim","accountAlias":"ACME","status":"Active"}'
[[fires.notifications]]
event = "User.Deleted"
at = 2026-03-04T11:00:00Z
body = '{"userName":"kim","accountAlias":"ACME","status":"Active"}'
[[fires.notifications]]
event = "Server.Created"
at = 2026-03-04T12:00:00Z
body = '{"userName":"kim","accountAlias":"ACME","status":"Active"}'
[[fires.notifications]]
event = "Account.Deleted"
at = 2026-03-04T13:00:00Z
body = '{"userName":"kim","accountAlias":"ACME","status":"Active"}'
[[fires.notifications]]
event = "User.Updated"
at = 2026-03-04T14:00:00Z
body = '{"userName":"kim","accountAlias":"ACME","status":"Active"}'

[[fires]]
title = "A server's update comes again two days later, with the time that it had"
expected = ["medium WA1ACMEWEB01: The signed body of Server.Updated of WA1ACMEWEB01 was replayed 2 d later"]
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-04T10:00:00Z
times = 2
every_seconds = 172800
body = '''{"name":"WA1ACMEWEB01","details":{"powerState":"stopped"},
"changeInfo":{"modifiedBy":"ann","modifiedDate":"2026-03-04T09:59:58Z"},"links":[{"rel":"account","id":"acme"}]}'''

[[fires]]
title = "A user's deletion comes again a day later"
expected = ["medium KIM: The signed body of User.Deleted of KIM was replayed 1 d later"]
[[fires.notifications]]
event = "User.Deleted"
at = 2026-03-04T10:00:00Z
times = 2
every_seconds = 86400
body = '{"userName":"kim","accountAlias":"ACME","status":"Deleted"}'

[[fires]]
title = "The creations of a user and of an account come again a day later"
expected = [
    "medium KIM: The signed body of User.Created of KIM was replayed 1 d later",
    "medium ACME: The signed body of Account.Created of ACME was replayed 1 d 1 h later",
]
[[fires.notifications]]
event = "User.Created"
at = 2026-03-04T10:00:00Z
times = 2
every_seconds = 86400
body = '{"userName":"kim","accountAlias":"ACME","status":"Active"}'
[[fires.notifications]]
event = "Account.Created"
at = 2026-03-04T10:00:00Z
times = 2
every_seconds = 90000
body = '{"accountAlias":"ACME","businessName":"Acme","status":"Active"}'

[[fires]]
title = "Updates come again as deletions: of a user that is active, of a server that is active, and of a deleted user after minutes"
expected = [
    "high KIM: The signed body of User.Updated of KIM was replayed as User.Deleted 1 s later",
    "high WA1ACMEWEB01: The signed body of Server.Updated of WA1ACMEWEB01 was replayed as Server.Deleted 1 s later",
    "high LEE: The signed body of User.Updated of LEE was replayed as User.Deleted 2 min later",
]
[[fires.notifications]]
event = "User.Updated"
at = 2026-03-04T10:00:00Z
body = '{"userName":"kim","accountAlias":"ACME","status":"Active"}'
[[fires.notifications]]
event = "User.Deleted"
at = 2026-03-04T10:00:01Z
body = '{"userName":"kim","accountAlias":"ACME","status":"Active"}'
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-04T11:00:00Z
body = '''{"name":"WA1ACMEWEB01","status":"active","changeInfo":{"modifiedDate":"2026-03-04T10:59:59Z"},
"links":[{"rel":"account","id":"acme"}]}'''
[[fires.notifications]]
event = "Server.Deleted"
at = 2026-03-04T11:00:01Z
body = '''{"name":"WA1ACMEWEB01","status":"active","changeInfo":{"modifiedDate":"2026-03-04T10:59:59Z"},
"links":[{"rel":"account","id":"acme"}]}'''
[[fires.notifications]]
event = "User.Updated"
at = 2026-03-04T12:00:00Z
body = '{"userName":"lee","accountAlias":"ACME","status":"Deleted"}'
[[fires.notifications]]
event = "User.Deleted"
at = 2026-03-04T12:02:00Z
body = '{"userName":"lee","accountAlias":"ACME","status":"Deleted"}'

[[fires]]
title = "A user's update comes again as its creation"
expected = ["high KIM: The signed body of User.Updated of KIM was replayed as User.Created 2 min later"]
[[fires.notifications]]
event = "User.Updated"
at = 2026-03-04T10:00:00Z
body = '{"userName":"kim","accountAlias":"ACME","status":"Active"}'
[[fires.notifications]]
event = "User.Created"
at = 2026-03-04T10:02:00Z
body = '{"userName":"kim","accountAlias":"ACME","status":"Active"}'

[[fires]]
title = "A user's creation comes again as other events within a minute and within a second"
expected = [
    "high KIM: The signed body of User.Created of KIM was replayed as User.Deleted less than 1 s later",
    "high KIM: The signed body of User.Created of KIM was replayed as Server.Created 1 s later",
    "high KIM: The signed body of User.Created of KIM was replayed as Server.Updated 59 s later",
    "high KIM: The signed body of User.Created of KIM was replayed as Server.Deleted 1 min later",
    "high ACME: The signed body of User.Created of KIM was replayed as Account.Deleted 1 h later",
    "high ACME: The signed body of User.Created of KIM was replayed as Account.Updated 1 d 1 h later",
]
[[fires.notifications]]
event = "User.Created"
at = 2026-03-04T10:00:00Z
body = '{"userName":"kim","accountAlias":"ACME","status":"Active"}'
[[fires.notifications]]
event = "User.Deleted"
at = 2026-03-04T10:00:00.4Z
body = '{"userName":"kim","accountAlias":"ACME","status":"Active"}'
[[fires.notifications]]
event = "Server.Created"
at = 2026-03-04T10:00:01.9Z
body = '{"userName":"kim","accountAlias":"ACME","status":"Active"}'
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-04T10:00:59.9Z
body = '{"userName":"kim","accountAlias":"ACME","status":"Active"}'
[[fires.notifications]]
event = "Server.Deleted"
at = 2026-03-04T10:01:59Z
body = '{"userName":"kim","accountAlias":"ACME","status":"Active"}'
[[fires.notifications]]
event = "Account.Deleted"
at = 2026-03-04T11:00:59Z
body = '{"userName":"kim","accountAlias":"ACME","status":"Active"}'
[[fires.notifications]]
event = "Account.Updated"
at = 2026-03-05T11:00:00Z
body = '{"userName":"kim","accountAlias":"ACME","status":"Active"}'

[[fires]]
title = "A server's deletion comes again when another server has its name, which is changed two days later"
expected = ["medium WA1ACMEWEB01: The signed body of Server.Deleted of WA1ACMEWEB01 was replayed 1 d later: the server was changed afterwards."]
[[fires.notifications]]
event = "Server.Deleted"
at = 2026-03-04T10:00:00Z
body = '{"accountAlias":"ACME","name":"WA1ACMEWEB01"}'
[[fires.notifications]]
event = "Server.Created"
at = 2026-03-04T11:00:00Z
body = '''{"name":"WA1ACMEWEB01","status":"active","changeInfo":{"createdDate":"2026-03-04T10:59:58Z",
"modifiedBy":"ann","modifiedDate":"2026-03-04T10:59:58Z"},"links":[{"rel":"account","id":"acme"}]}'''
[[fires.notifications]]
event = "Server.Deleted"
at = 2026-03-05T10:00:00Z
body = '{"accountAlias":"ACME","name":"WA1ACMEWEB01"}'
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-07T10:00:00Z
body = '''{"name":"WA1ACMEWEB01","status":"active","changeInfo":{"createdDate":"2026-03-04T10:59:58Z",
"modifiedBy":"ann","modifiedDate":"2026-03-07T09:59:58Z"},"links":[{"rel":"account","id":"acme"}]}'''
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-08T10:00:00Z
body = '''{"name":"WA1ACMEWEB01","status":"active","changeInfo":{"createdDate":"2026-03-04T10:59:58Z",
"modifiedBy":"ann","modifiedDate":"2026-03-08T09:59:58Z"},"links":[{"rel":"account","id":"acme"}]}'''

[[fires]]
title = "Bodies that came at a URL of their category come again as deletions, and one that was a deletion comes there"
expected = [
    "high KIM: The signed body of User of KIM was replayed as User.Deleted 30 s later",
    "high LEE: The signed body of User.Deleted of LEE was replayed as User 1 h later",
    "high WA1ACMEWEB01: The signed body of Server of WA1ACMEWEB01 was replayed as Server.Deleted 2 h later",
]
[[fires.notifications]]
event = "User"
at = 2026-03-04T10:00:00Z
body = '{"userName":"kim","accountAlias":"ACME","status":"Active"}'
[[fires.notifications]]
event = "User.Deleted"
at = 2026-03-04T10:00:30Z
body = '{"userName":"kim","accountAlias":"ACME","status":"Active"}'
[[fires.notifications]]
event = "User.Deleted"
at = 2026-03-04T10:00:00Z
body = '{"userName":"lee","accountAlias":"ACME","status":"Active"}'
[[fires.notifications]]
event = "User"
at = 2026-03-04T11:00:00Z
body = '{"userName":"lee","accountAlias":"ACME","status":"Active"}'
[[fires.notifications]]
event = "Server"
at = 2026-03-04T10:00:00Z
body = '''{"name":"WA1ACMEWEB01","status":"active","changeInfo":{"createdDate":"2026-03-04T09:30:00Z",
"modifiedDate":"2026-03-04T09:59:58Z"},"links":[{"rel":"account","id":"acme"}]}'''
[[fires.notifications]]
event = "Server.Deleted"
at = 2026-03-04T12:00:00Z
body = '''{"name":"WA1ACMEWEB01","status":"active","changeInfo":{"createdDate":"2026-03-04T09:30:00Z",
"modifiedDate":"2026-03-04T09:59:58Z"},"links":[{"rel":"account","id":"acme"}]}'''

[[silent]]
title = "A user is created, and two passwords are changed"
[[silent.notifications]]
event = "User.Created"
at = 2026-03-04T10:00:00Z
body = '{"userName":"kim","accountAlias":"ACME","status":"Active"}'
[[silent.notifications]]
event = "User.Updated"
at = 2026-03-04T11:00:00Z
times = 2
every_seconds = 3600
body = '{"userName":"kim","accountAlias":"ACME","status":"Active"}'

[[silent]]
title = "The creation arrives after the first update"
[[silent.notifications]]
event = "User.Updated"
at = 2026-03-04T10:00:00Z
body = '{"userName":"kim","accountAlias":"ACME","status":"Active"}'
[[silent.notifications]]
event = "User.Created"
at = 2026-03-04T10:00:02Z
body = '{"userName":"kim","accountAlias":"ACME","status":"Active"}'

[[silent]]
title = "A server's creation is told as an update, too, and deletions as updates, with one body within a minute"
[[silent.notifications]]
event = "Server.Created"
at = 2026-03-04T10:00:00Z
body = '''{"name":"WA1ACMEWEB01","status":"active","changeInfo":{"createdDate":"2026-03-04T09:59:58Z",
"modifiedDate":"2026-03-04T09:59:58Z"},"links":[{"rel":"account","id":"acme"}]}'''
[[silent.notifications]]
event = "Server.Updated"
at = 2026-03-04T10:00:02Z
body = '''{"name":"WA1ACMEWEB01","status":"active","changeInfo":{"createdDate":"2026-03-04T09:59:58Z",
"modifiedDate":"2026-03-04T09:59:58Z"},"links":[{"rel":"account","id":"acme"}]}'''
[[silent.notifications]]
event = "User.Updated"
at = 2026-03-04T11:00:00Z
body = '{"userName":"kim","accountAlias":"ACME","status":"Deleted"}'
[[silent.notifications]]
event = "User.Deleted"
at = 2026-03-04T11:00:01Z
body = '{"userName":"kim","accountAlias":"ACME","status":"Deleted"}'
[[silent.notifications]]
event = "Account.Deleted"
at = 2026-03-04T12:00:00Z
body = '{"accountAlias":"ACME","businessName":"Acme","status":"Deleted"}'
[[silent.notifications]]
event = "Account.Updated"
at = 2026-03-04T12:00:01Z
body = '{"accountAlias":"ACME","businessName":"Acme","status":"Deleted"}'
[[silent.notifications]]
event = "Server.Updated"
at = 2026-03-04T13:00:00Z
body = '''{"name":"WA1ACMEWEB01","status":"queuedForDelete","changeInfo":{"createdDate":"2026-03-04T09:59:58Z",
"modifiedDate":"2026-03-04T12:59:58Z"},"links":[{"rel":"account","id":"acme"}]}'''
[[silent.notifications]]
event = "Server.Deleted"
at = 2026-03-04T13:00:01Z
body = '''{"name":"WA1ACMEWEB01","status":"queuedForDelete","changeInfo":{"createdDate":"2026-03-04T09:59:58Z",
"modifiedDate":"2026-03-04T12:59:58Z"},"links":[{"rel":"account","id":"acme"}]}'''

[[silent]]
title = "A server that is queued for deletion is told at a URL of the category, and deleted with the same body"
[[silent.notifications]]
event = "Server"
at = 2026-03-04T10:00:00Z
body = '''{"name":"WA1ACMEWEB01","status":"queuedForDelete","changeInfo":{"createdDate":"2026-03-04T09:30:00Z",
"modifiedDate":"2026-03-04T09:59:58Z"},"links":[{"rel":"account","id":"acme"}]}'''
[[silent.notifications]]
event = "Server.Deleted"
at = 2026-03-04T10:00:01Z
body = '''{"name":"WA1ACMEWEB01","status":"queuedForDelete","changeInfo":{"createdDate":"2026-03-04T09:30:00Z",
"modifiedDate":"2026-03-04T09:59:58Z"},"links":[{"rel":"account","id":"acme"}]}'''

[[silent]]
title = "Copies for parent accounts, of two updates by turns"
[[silent.notifications]]
event = "Server.Updated"
at = 2026-03-04T10:00:00Z
times = 2
every_seconds = 3
body = '''{"name":"WA1ACMEWEB01","details":{"cpu":2},"changeInfo":{"modifiedDate":"2026-03-04T09:59:58Z"},
"links":[{"rel":"account","id":"acme"}]}'''
[[silent.notifications]]
event = "Server.Updated"
at = 2026-03-04T10:00:01Z
times = 2
every_seconds = 3
body = '''{"name":"WA1ACMEWEB01","details":{"cpu":4},"changeInfo":{"modifiedDate":"2026-03-04T09:59:59Z"},
"links":[{"rel":"account","id":"acme"}]}'''

[[silent]]
title = "The same update at a URL of its event and at one that names the category only"
[[silent.notifications]]
event = "User.Updated"
at = 2026-03-04T10:00:00Z
body = '{"userName":"kim","accountAlias":"ACME","status":"Active"}'
[[silent.notifications]]
event = "User"
at = 2026-03-04T10:00:01Z
body = '{"userName":"kim","accountAlias":"ACME","status":"Active"}'

[[silent]]
title = "A server whose name was free again is deleted like the one before, and one of the old form, which has no time"
[[silent.notifications]]
event = "Server.Deleted"
at = 2026-03-04T10:00:00Z
times = 2
every_seconds = 86400
body = '{"accountAlias":"ACME","name":"WA1ACMEWEB01"}'
[[silent.notifications]]
event = "Server.Updated"
at = 2026-03-04T11:00:00Z
times = 2
every_seconds = 7200
body = '{"accountAlias":"ACME","name":"WA1ACMEWEB02","cpu":2,"status":"Active"}'

[[silent]]
title = "A server whose name was free again is deleted like the one before, its last update comes late, and the name is used once more"
[[silent.notifications]]
event = "Server.Deleted"
at = 2026-03-04T10:00:00Z
body = '{"accountAlias":"ACME","name":"WA1ACMEWEB01"}'
[[silent.notifications]]
event = "Server.Created"
at = 2026-03-04T11:00:00Z
body = '''{"name":"WA1ACMEWEB01","status":"active","changeInfo":{"createdDate":"2026-03-04T10:59:58Z",
"modifiedBy":"ann","modifiedDate":"2026-03-04T10:59:58Z"},"links":[{"rel":"account","id":"acme"}]}'''
[[silent.notifications]]
event = "Server.Deleted"
at = 2026-03-05T10:00:00Z
body = '{"accountAlias":"ACME","name":"WA1ACMEWEB01"}'
[[silent.notifications]]
event = "Server.Updated"
at = 2026-03-05T10:00:05Z
body = '''{"name":"WA1ACMEWEB01","status":"queuedForDelete","changeInfo":{"createdDate":"2026-03-04T10:59:58Z",
"modifiedBy":"ann","modifiedDate":"2026-03-05T10:00:04Z"},"links":[{"rel":"account","id":"acme"}]}'''
[[silent.notifications]]
event = "Server.Updated"
at = 2026-03-05T10:10:00Z
body = '''{"name":"WA1ACMEWEB01","status":"active","changeInfo":{"createdDate":"2026-03-04T10:59:58Z",
"modifiedBy":"ann","modifiedDate":"2026-03-05T09:58:00Z"},"links":[{"rel":"account","id":"acme"}]}'''
[[silent.notifications]]
event = "Server.Created"
at = 2026-03-05T11:00:00Z
body = '''{"name":"WA1ACMEWEB01","status":"active","changeInfo":{"createdDate":"2026-03-05T10:59:58Z",
"modifiedBy":"ann","modifiedDate":"2026-03-05T10:59:58Z"},"links":[{"rel":"account","id":"acme"}]}'''

[[silent]]
title = "A user and an account go from one state to another and back"
[[silent.notifications]]
event = "User.Updated"
at = 2026-03-04T10:00:00Z
body = '{"userName":"kim","accountAlias":"ACME","lastName":"A"}'
[[silent.notifications]]
event = "User.Updated"
at = 2026-03-05T10:00:00Z
body = '{"userName":"kim","accountAlias":"ACME","lastName":"B"}'
[[silent.notifications]]
event = "User.Updated"
at = 2026-03-06T10:00:00Z
body = '{"userName":"kim","accountAlias":"ACME","lastName":"A"}'
[[silent.notifications]]
event = "Account.Updated"
at = 2026-03-04T10:00:00Z
body = '{"accountAlias":"ACME","status":"Active"}'
[[silent.notifications]]
event = "Account.Updated"
at = 2026-03-05T10:00:00Z
body = '{"accountAlias":"ACME","status":"Disabled"}'
[[silent.notifications]]
event = "Account.Updated"
at = 2026-03-06T10:00:00Z
body = '{"accountAlias":"ACME","status":"Active"}'

[[silent]]
title = "Another sender, which tells several events of a shop's order with the same body"
[[silent.notifications]]
sender = "shopify"
headers = { X-Shopify-Topic = "orders/create", X-Shopify-Shop-Domain = "acme.myshopify.com" }
at = 2026-03-04T10:00:00Z
body = '{"id":17,"updated_at":"2026-03-04T09:59:58Z"}'
[[silent.notifications]]
sender = "shopify"
headers = { X-Shopify-Topic = "orders/paid", X-Shopify-Shop-Domain = "acme.myshopify.com" }
at = 2026-03-04T10:00:30Z
body = '{"id":17,"updated_at":"2026-03-04T09:59:58Z"}'
*/
-- Of 256 bytes a hash of eight stays: grouping ten million then takes little memory, and two signatures have the same
-- hash with a chance of three in a million.
-- A server's deletion is found to be a replay when a later notification shows that the server is still there, so deletions are
-- looked for twice as far back.
WITH signed AS (
    SELECT id, received_at, hash(signature) AS signature_hash, category = 'Server' AND action = 'Deleted' AS is_server_gone
    FROM notifications
    WHERE received_at >= $since::TIMESTAMPTZ - to_days(2 * $days) AND received_at < $until::TIMESTAMPTZ
        AND (received_at >= $since::TIMESTAMPTZ - to_days($days) OR is_server_gone)
        AND sender = 'centurylink' AND signature_status = 'valid' AND duplicate_of IS NULL
),
used_again AS (
    SELECT signature_hash
    FROM signed
    GROUP BY signature_hash
    HAVING count(*) > 1 AND (max(received_at) >= $since::TIMESTAMPTZ OR bool_or(is_server_gone))
),
uses AS (
    SELECT
        id,
        seq,
        received_at,
        coalesce(event_type, category) AS event,
        category,
        action,
        account_alias,
        entity_id,
        actor,
        source_ip,
        occurred_at = received_at AS is_timeless,
        signature_hash
    FROM notifications
    JOIN (FROM signed SEMI JOIN used_again USING (signature_hash) SELECT id, signature_hash) USING (id)
    WHERE received_at >= $since::TIMESTAMPTZ - to_days(2 * $days) AND received_at < $until::TIMESTAMPTZ
),
compared AS (
    SELECT
        *,
        min(struct_pack(
            at := received_at, seq := seq, id := id, event := event, category := category, action := action,
            entity_id := entity_id, source_ip := source_ip
        )) OVER (
            PARTITION BY signature_hash ORDER BY received_at RANGE BETWEEN to_days($days) PRECEDING AND CURRENT ROW
        ) AS first_use
    FROM uses
),
judged AS (
    SELECT
        *,
        (epoch_us(received_at) - epoch_us(first_use.at)) / 1e6 AS later,
        floor(later)::BIGINT AS seconds,
        if(seconds < 1, 'less than 1 s', concat_ws(
            ' ',
            if(seconds >= 86400, format('{} d', seconds // 86400), NULL),
            if(seconds % 86400 >= 3600, format('{} h', seconds % 86400 // 3600), NULL),
            if(seconds < 86400 AND seconds % 3600 >= 60, format('{} min', seconds % 3600 // 60), NULL),
            if(seconds < 60, format('{} s', seconds), NULL)
        )) AS later_text,
        CASE
            WHEN id = first_use.id THEN NULL
            WHEN category <> first_use.category THEN 'high'
            -- At a URL of the category the action is open, but no deletion.
            WHEN action <> first_use.action OR coalesce(action = 'Deleted', false) <> coalesce(first_use.action = 'Deleted', false)
            THEN CASE
                WHEN is_timeless AND first_use.action = 'Created' AND action = 'Updated' THEN NULL
                WHEN list_sort([first_use.action, action]) = ['Created', 'Updated'] AND later <= $apart_seconds THEN NULL
                ELSE 'high'
            END
            WHEN later <= $apart_seconds THEN NULL
            WHEN NOT is_timeless OR (action IN ('Created', 'Deleted') AND category IN ('User', 'Account')) THEN 'medium'
        END AS severity
    FROM compared
),
-- An update may tell the status of a deletion, too. Only the bodies of such pairs are read.
told_twice AS (
    SELECT id
    FROM notifications
    JOIN (
        SELECT id
        FROM judged
        WHERE severity = 'high' AND later <= $apart_seconds AND category = first_use.category
            AND list_sort([coalesce(first_use.action, 'Updated'), coalesce(action, 'Updated')]) = ['Deleted', 'Updated']
    ) USING (id)
    WHERE received_at >= $since::TIMESTAMPTZ - to_days($days) AND received_at < $until::TIMESTAMPTZ
        AND (
            lower(payload ->> 'status') = 'deleted'
            OR (category = 'Server' AND lower(payload ->> 'status') = 'queuedfordelete')
        )
),
deleted_again AS (
    SELECT *
    FROM judged
    WHERE severity IS NULL AND category = 'Server' AND action = 'Deleted' AND first_use.action = 'Deleted' AND is_timeless
        AND later > $apart_seconds
),
sights AS (
    SELECT notifications.id
    FROM notifications
    JOIN deleted_again ON deleted_again.entity_id = notifications.entity_id
        AND least(notifications.occurred_at, notifications.received_at)
            > deleted_again.received_at + to_seconds($apart_seconds)
        AND notifications.received_at <= deleted_again.first_use.at + to_days($days)
    WHERE notifications.received_at >= $since::TIMESTAMPTZ - to_days(2 * $days)
        AND notifications.received_at < $until::TIMESTAMPTZ
        AND notifications.sender = 'centurylink' AND notifications.category = 'Server'
        AND notifications.signature_status = 'valid' AND notifications.action IS DISTINCT FROM 'Deleted'
),
-- A server that was created before its deletion came again, and was changed afterwards, was not deleted.
outlived AS (
    SELECT
        deleted_again.*,
        min(sight.received_at) AS seen_at,
        arg_min(sight.id, (sight.received_at, sight.seq)) AS sight_id
    FROM deleted_again
    JOIN (
        SELECT
            id,
            seq,
            entity_id,
            occurred_at,
            received_at,
            TRY_CAST(payload ->> '$.changeInfo.createdDate' AS TIMESTAMPTZ) AS created_at
        FROM notifications
        WHERE received_at >= $since::TIMESTAMPTZ - to_days(2 * $days) AND received_at < $until::TIMESTAMPTZ
            AND id IN (FROM sights)
            AND coalesce(lower(payload ->> 'status'), '') NOT IN ('deleted', 'queuedfordelete')
    ) AS sight
        ON sight.entity_id = deleted_again.entity_id
            AND least(sight.occurred_at, sight.received_at) > deleted_again.received_at + to_seconds($apart_seconds)
            AND sight.received_at <= deleted_again.first_use.at + to_days($days)
            AND sight.created_at < deleted_again.received_at
    GROUP BY ALL
),
found AS (
    SELECT *, received_at AS seen_at
    FROM judged
    WHERE severity IS NOT NULL AND id NOT IN (FROM told_twice)
    UNION ALL BY NAME
    SELECT * REPLACE ('medium' AS severity) FROM outlived
)
SELECT
    seen_at AS found_at,
    replace(if(entity_id IS NULL, first_use.category, category), 'Alert', 'Server') AS category,
    coalesce(entity_id, first_use.entity_id) AS entity_id,
    account_alias,
    actor,
    concat(
        'The signed body of ', first_use.event, ' of ', coalesce(first_use.entity_id, '(no name)'), ' was replayed',
        if(event = first_use.event, '', concat(' as ', event)), ' ', later_text, ' later',
        if(source_ip <> first_use.source_ip, concat(', from ', source_ip, ' instead of ', first_use.source_ip), ''),
        if(seen_at > received_at, ': the server was changed afterwards.', '.')
    ) AS sentence,
    list_filter([id, first_use.id, sight_id], lambda one: one IS NOT NULL) AS notification_ids,
    severity
FROM found
WHERE seen_at >= $since::TIMESTAMPTZ
