/*
title = "Administrator added"
severity = "medium"
why = """
An administrator can read and change everything, and add others: intruders who want to stay make one. GitHub sends no \
notification when somebody who is a member already becomes an owner of the organization."""
todo = """
Ask the actor who asked for it. If nobody did, remove the new administrator, look at what both did since, and end the actor's \
sessions and tokens."""
references = [
    "MITRE ATT&CK T1098.003, Additional Cloud Roles: https://attack.mitre.org/techniques/T1098/003/",
    "MITRE ATT&CK T1136.003, Create Account: Cloud Account: https://attack.mitre.org/techniques/T1136/003/",
]

[reasons]
high = "an owner of the organization can do everything"
medium = "an administrator of one repository can do everything there"

[[fires]]
title = "Owners are invited, and one joins"
expected = [
    "high acme: ann invited eve@mallory.example to be an owner of acme.",
    "high acme: ann invited mallory to be an owner of acme.",
    "high acme: ann made mallory an owner of acme.",
]
[[fires.notifications]]
sender = "github"
headers = { X-GitHub-Event = "organization" }
at = 2026-03-04T09:00:00Z
body = '''{"action":"member_invited","invitation":{"id":1,"login":null,"email":"eve@mallory.example","role":"admin"},
"organization":{"login":"Acme"},"sender":{"login":"ann"}}'''
[[fires.notifications]]
sender = "github"
headers = { X-GitHub-Event = "organization" }
at = 2026-03-04T10:00:00Z
body = '''{"action":"member_invited","invitation":{"id":1,"login":"mallory","role":"admin"},"organization":{"login":"Acme"},
"sender":{"login":"ann"}}'''
[[fires.notifications]]
sender = "github"
headers = { X-GitHub-Event = "organization" }
at = 2026-03-04T11:00:00Z
body = '''{"action":"member_added","membership":{"role":"admin","user":{"login":"mallory"}},"organization":{"login":"Acme"},
"sender":{"login":"ann"}}'''

[[fires]]
title = "A new collaborator, an older one and a team become administrators of a repository"
expected = [
    "medium acme/shop: ann made mallory an administrator of acme/shop.",
    "medium acme/shop: ann made bo an administrator of acme/shop.",
    "medium acme/crew: ann made the team crew an administrator of acme/shop.",
    "medium acme/night: ann made the team night an administrator of acme/shop.",
]
[[fires.notifications]]
sender = "github"
headers = { X-GitHub-Event = "member" }
at = 2026-03-04T10:00:00Z
body = '''{"action":"added","member":{"login":"mallory"},"changes":{"permission":{"to":"write"},"role_name":{"to":"admin"}},
"repository":{"full_name":"acme/shop","owner":{"login":"acme"}},"sender":{"login":"ann"}}'''
[[fires.notifications]]
sender = "github"
headers = { X-GitHub-Event = "member" }
at = 2026-03-04T10:10:00Z
body = '''{"action":"edited","member":{"login":"bo"},"changes":{"permission":{"from":"write","to":"admin"}},
"repository":{"full_name":"acme/shop","owner":{"login":"acme"}},"sender":{"login":"ann"}}'''
[[fires.notifications]]
sender = "github"
headers = { X-GitHub-Event = "team" }
at = 2026-03-04T10:20:00Z
body = '''{"action":"added_to_repository","team":{"name":"crew","slug":"crew"},"organization":{"login":"acme"},
"repository":{"full_name":"Acme/Shop","owner":{"login":"acme"},"permissions":{"pull":true,"push":true,"admin":true}},
"sender":{"login":"ann"}}'''
[[fires.notifications]]
sender = "github"
headers = { X-GitHub-Event = "team" }
at = 2026-03-04T10:30:00Z
body = '''{"action":"edited","team":{"name":"night","slug":"night"},"organization":{"login":"acme"},
"changes":{"repository":{"permissions":{"from":{"admin":false,"pull":true,"push":true}}}},
"repository":{"full_name":"acme/shop","owner":{"login":"acme"},"permissions":{"pull":true,"push":true,"admin":true}},
"sender":{"login":"ann"}}'''

[[silent]]
title = "Members and collaborators without such rights come; an administrator loses them"
[[silent.notifications]]
sender = "github"
headers = { X-GitHub-Event = "organization" }
at = 2026-03-04T10:00:00Z
body = '''{"action":"member_added","membership":{"role":"member","user":{"login":"kim"}},"organization":{"login":"acme"},
"sender":{"login":"ann"}}'''
[[silent.notifications]]
sender = "github"
headers = { X-GitHub-Event = "organization" }
at = 2026-03-04T10:05:00Z
body = '''{"action":"member_invited","invitation":{"id":1,"login":"kim","role":"direct_member"},
"organization":{"login":"acme"},"sender":{"login":"ann"}}'''
[[silent.notifications]]
sender = "github"
headers = { X-GitHub-Event = "member" }
at = 2026-03-04T10:10:00Z
body = '''{"action":"added","member":{"login":"kim"},"changes":{"permission":{"to":"write"},"role_name":{"to":"maintain"}},
"repository":{"full_name":"acme/shop","owner":{"login":"acme"}},"sender":{"login":"ann"}}'''
[[silent.notifications]]
sender = "github"
headers = { X-GitHub-Event = "member" }
at = 2026-03-04T10:20:00Z
body = '''{"action":"edited","member":{"login":"bo"},"changes":{"permission":{"from":"admin","to":"read"}},
"repository":{"full_name":"acme/shop","owner":{"login":"acme"}},"sender":{"login":"ann"}}'''
[[silent.notifications]]
sender = "github"
headers = { X-GitHub-Event = "team" }
at = 2026-03-04T10:30:00Z
body = '''{"action":"edited","team":{"name":"crew","slug":"crew"},"changes":{"name":{"from":"old"}},"organization":{"login":"acme"},
"repository":{"full_name":"acme/shop","owner":{"login":"acme"},"permissions":{"admin":true}},"sender":{"login":"ann"}}'''
[[silent.notifications]]
sender = "github"
headers = { X-GitHub-Event = "member" }
at = 2026-03-04T10:40:00Z
body = '''{"action":"removed","member":{"login":"bo"},
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
        event_type,
        payload ->> [
            '$.membership.role', '$.membership.user.login', '$.invitation.role', '$.invitation.login',
            '$.invitation.email', '$.member.login', '$.changes.role_name.to', '$.changes.permission.to', '$.team.name',
            '$.repository.full_name', '$.repository.permissions.admin', '$.changes.repository.permissions.from.admin'
        ] AS fields
    FROM events
    WHERE occurred_at >= $since::TIMESTAMPTZ AND received_at >= $since::TIMESTAMPTZ
        AND least(occurred_at, received_at) < $until::TIMESTAMPTZ
        AND sender = 'github' AND event_type IN (
            'organization.member_added', 'organization.member_invited', 'member.added', 'member.edited',
            'team.added_to_repository', 'team.edited'
        )
),
judged AS (
    SELECT
        *,
        CASE
            WHEN event_type = 'organization.member_added' AND fields[1] = 'admin'
            THEN concat('made ', fields[2], ' an owner of ', entity_id)
            WHEN event_type = 'organization.member_invited' AND fields[3] = 'admin'
            THEN concat('invited ', coalesce(fields[4], fields[5]), ' to be an owner of ', entity_id)
            WHEN event_type IN ('member.added', 'member.edited') AND 'admin' IN (fields[7], fields[8])
            THEN concat('made ', fields[6], ' an administrator of ', entity_id)
            WHEN category = 'team' AND fields[11] = 'true'
                AND (event_type = 'team.added_to_repository' OR fields[12] = 'false')
            THEN concat('made the team ', fields[9], ' an administrator of ', lower(fields[10]))
        END AS act
    FROM acts
)
SELECT
    acted_at AS found_at,
    category,
    entity_id,
    account_alias,
    actor,
    concat(coalesce(actor, 'Somebody'), ' ', act, '.') AS sentence,
    [id] AS notification_ids,
    if(category = 'organization', 'high', 'medium') AS severity
FROM judged
WHERE act IS NOT NULL
