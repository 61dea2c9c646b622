/*
title = "Secret scanning alert dismissed"
severity = "medium"
why = """
GitHub found a password or key in a repository, and somebody closed the alert without revoking it. Anyone who can read the \
repository still has it."""
todo = """
Ask the actor how they know that the secret is harmless. If in doubt, revoke it where it was issued: that takes minutes, and \
looking for its use does not."""
references = [
    "MITRE ATT&CK T1552.001, Credentials In Files: https://attack.mitre.org/techniques/T1552/001/",
    "GitHub, Resolving alerts from secret scanning: https://docs.github.com/en/code-security/secret-scanning/managing-alerts-from-secret-scanning/resolving-alerts",
]

[reasons]
high = "the secret is in use, or stays as it is"
medium = "somebody judged the secret to be none"

[[fires]]
title = "One will not be fixed, one is called a test's, and GitHub knows that one called false still works"
expected = [
    "high acme/shop/secret-scanning/1: ann dismissed alert 1 of acme/shop (AWS key) as won't fix: too much work",
    "medium acme/shop/secret-scanning/2: ann dismissed alert 2 of acme/shop (slack_token) as used in tests.",
    "high acme/shop/secret-scanning/3: bo dismissed alert 3 of acme/shop (AWS key) as false positive.",
]
[[fires.notifications]]
sender = "github"
headers = { X-GitHub-Event = "secret_scanning_alert" }
at = 2026-03-04T10:00:00Z
body = '''{"action":"resolved","alert":{"number":1,"secret_type":"aws","secret_type_display_name":"AWS key","state":"resolved",
"resolution":"wont_fix","resolution_comment":"too much work","validity":"unknown"},
"repository":{"full_name":"Acme/Shop","owner":{"login":"Acme"}},"sender":{"login":"ann"}}'''
[[fires.notifications]]
sender = "github"
headers = { X-GitHub-Event = "secret_scanning_alert" }
at = 2026-03-04T10:10:00Z
body = '''{"action":"resolved","alert":{"number":2,"secret_type":"slack_token","resolution":"used_in_tests"},
"repository":{"full_name":"acme/shop","owner":{"login":"acme"}},"sender":{"login":"ann"}}'''
[[fires.notifications]]
sender = "github"
headers = { X-GitHub-Event = "secret_scanning_alert" }
at = 2026-03-04T10:20:00Z
body = '''{"action":"resolved","alert":{"number":3,"secret_type":"aws","secret_type_display_name":"AWS key",
"resolution":"false_positive","validity":"active"},
"repository":{"full_name":"acme/shop","owner":{"login":"acme"}},"sender":{"login":"bo"}}'''

[[silent]]
title = "One comes, and is closed as revoked; another one is opened again"
[[silent.notifications]]
sender = "github"
headers = { X-GitHub-Event = "secret_scanning_alert" }
at = 2026-03-04T10:00:00Z
body = '''{"action":"created","alert":{"number":1,"secret_type":"aws","resolution":null},
"repository":{"full_name":"acme/shop","owner":{"login":"acme"}},"sender":{"login":"github"}}'''
[[silent.notifications]]
sender = "github"
headers = { X-GitHub-Event = "secret_scanning_alert" }
at = 2026-03-04T10:10:00Z
body = '''{"action":"resolved","alert":{"number":1,"secret_type":"aws","resolution":"revoked","validity":"inactive"},
"repository":{"full_name":"acme/shop","owner":{"login":"acme"}},"sender":{"login":"ann"}}'''
[[silent.notifications]]
sender = "github"
headers = { X-GitHub-Event = "secret_scanning_alert" }
at = 2026-03-04T10:20:00Z
body = '''{"action":"reopened","alert":{"number":2,"secret_type":"aws","resolution":"wont_fix"},
"repository":{"full_name":"acme/shop","owner":{"login":"acme"}},"sender":{"login":"ann"}}'''
*/
WITH acts AS (
    SELECT
        id,
        least(occurred_at, received_at) AS acted_at,
        category,
        entity_id,
        account_alias,
        actor,
        payload ->> [
            '$.alert.number', '$.repository.full_name', '$.alert.secret_type_display_name', '$.alert.secret_type',
            '$.alert.resolution', '$.alert.resolution_comment', '$.alert.validity'
        ] AS fields
    FROM events
    WHERE occurred_at >= $since::TIMESTAMPTZ AND received_at >= $since::TIMESTAMPTZ
        AND least(occurred_at, received_at) < $until::TIMESTAMPTZ
        AND sender = 'github' AND event_type = 'secret_scanning_alert.resolved'
)
SELECT
    acted_at AS found_at,
    category,
    entity_id,
    account_alias,
    actor,
    concat(
        coalesce(actor, 'Somebody'), ' dismissed alert ', fields[1], ' of ', lower(fields[2]),
        ' (', coalesce(fields[3], fields[4], 'no type'), ') as ',
        CASE fields[5] WHEN 'wont_fix' THEN 'won''t fix' ELSE coalesce(replace(fields[5], '_', ' '), '(no reason)') END,
        if(nullif(fields[6], '') IS NULL, '.', concat(': ', fields[6]))
    ) AS sentence,
    [id] AS notification_ids,
    if(fields[5] = 'wont_fix' OR fields[7] = 'active', 'high', 'medium') AS severity
FROM acts
WHERE fields[5] IS DISTINCT FROM 'revoked'
