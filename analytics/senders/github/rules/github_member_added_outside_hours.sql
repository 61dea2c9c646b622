/*
title = "Member added outside working hours"
severity = "medium"
why = """
Whoever takes over an administrator's account adds another one, to have a way back in, at an hour when nobody looks."""
todo = """
Ask the actor, but not by a channel of GitHub's, whether they added this person. If not, remove the person, and end the \
actor's sessions and tokens."""
references = [
    "MITRE ATT&CK T1136.003, Create Account: Cloud Account: https://attack.mitre.org/techniques/T1136/003/",
    "NIST SP 800-53 AC-2, Account Management",
]

[reasons]
medium = "outside working hours"

[[fires]]
title = "On a Wednesday night and on a Saturday"
expected = [
    "medium acme/shop: ann added mallory to acme/shop. It was 18:00 on Wednesday, outside working hours (08:00 to 18:00 UTC, Monday",
    "medium acme: ann added kim to acme.",
]
[[fires.notifications]]
sender = "github"
headers = { X-GitHub-Event = "member" }
at = 2026-03-04T18:00:00Z
body = '''{"action":"added","member":{"login":"mallory"},"changes":{"permission":{"to":"write"}},
"repository":{"full_name":"acme/shop","owner":{"login":"acme"}},"sender":{"login":"ann"}}'''
[[fires.notifications]]
sender = "github"
headers = { X-GitHub-Event = "organization" }
at = 2026-03-07T12:00:00Z
body = '''{"action":"member_added","membership":{"role":"member","user":{"login":"kim"}},"organization":{"login":"acme"},
"sender":{"login":"ann"}}'''

[[silent]]
title = "On a Wednesday morning; and somebody leaves at night"
[[silent.notifications]]
sender = "github"
headers = { X-GitHub-Event = "member" }
at = 2026-03-04T08:00:00Z
body = '''{"action":"added","member":{"login":"kim"},
"repository":{"full_name":"acme/shop","owner":{"login":"acme"}},"sender":{"login":"ann"}}'''
[[silent.notifications]]
sender = "github"
headers = { X-GitHub-Event = "organization" }
at = 2026-03-04T23:00:00Z
body = '''{"action":"member_removed","membership":{"role":"member","user":{"login":"kim"}},"organization":{"login":"acme"},
"sender":{"login":"ann"}}'''
*/
WITH acts AS (
    SELECT
        id,
        least(occurred_at, received_at) AS acted_at,
        category,
        entity_id,
        account_alias,
        actor,
        payload ->> ['$.member.login', '$.membership.user.login'] AS fields
    FROM events
    WHERE occurred_at >= $since::TIMESTAMPTZ AND received_at >= $since::TIMESTAMPTZ
        AND least(occurred_at, received_at) < $until::TIMESTAMPTZ
        AND sender = 'github' AND event_type IN ('member.added', 'organization.member_added')
)
SELECT
    acted_at AS found_at,
    category,
    entity_id,
    account_alias,
    actor,
    concat(
        coalesce(actor, 'Somebody'), ' added ', coalesce(fields[1], fields[2], '(no name)'), ' to ', entity_id, '.',
        tell_outside_hours(acted_at)
    ) AS sentence,
    [id] AS notification_ids
FROM acts
WHERE tell_outside_hours(acted_at) IS NOT NULL
