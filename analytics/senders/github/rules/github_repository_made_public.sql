/*
title = "Repository made public"
severity = "high"
why = """
Everybody can read a public repository and its whole history, with every secret that was ever committed. Copies are made \
within minutes, so making it private again takes nothing back."""
todo = """
Ask the actor whether it was planned. If not, make the repository private, and change every password and key that its history \
has: treat them as known."""
references = [
    "MITRE ATT&CK T1567.001, Exfiltration to Code Repository: https://attack.mitre.org/techniques/T1567/001/",
    "GitHub, Setting repository visibility: https://docs.github.com/en/repositories/managing-your-repositorys-settings-and-features/managing-repository-settings/setting-repository-visibility",
]

[reasons]
high = "everybody can read it, and copies stay"

[parameters]
together_minutes = 10   # notifications of one repository within so long are about the same act

[[fires]]
title = "Two events of one act, pushes delivered before and out of order; and two other repositories with one event each"
expected = [
    "high acme/shop: ann made acme/shop public.",
    "high acme/tools: bo made acme/tools public.",
    "high acme/docs: bo made acme/docs public.",
]
[[fires.notifications]]
sender = "github"
headers = { X-GitHub-Event = "push" }
at = 2026-03-04T09:00:00Z
body = '''{"ref":"refs/heads/main","before":"aa","after":"090000","repository":{"full_name":"acme/shop","private":true,
"owner":{"login":"acme"}},"sender":{"login":"bo"}}'''
[[fires.notifications]]
sender = "github"
headers = { X-GitHub-Event = "push" }
at = 2026-03-04T09:59:30Z
body = '''{"ref":"refs/heads/main","before":"aa","after":"095930","repository":{"full_name":"acme/shop","private":false,
"owner":{"login":"acme"}},"sender":{"login":"bo"}}'''
[[fires.notifications]]
sender = "github"
headers = { X-GitHub-Event = "repository" }
at = 2026-03-04T10:00:00Z
body = '''{"action":"publicized","repository":{"full_name":"Acme/Shop","private":false,"visibility":"public",
"owner":{"login":"Acme"}},"sender":{"login":"ann"}}'''
[[fires.notifications]]
sender = "github"
headers = { X-GitHub-Event = "public" }
at = 2026-03-04T10:00:01Z
body = '''{"repository":{"full_name":"acme/shop","private":false,"visibility":"public","owner":{"login":"acme"}},
"sender":{"login":"ann"}}'''
[[fires.notifications]]
sender = "github"
headers = { X-GitHub-Event = "push" }
at = 2026-03-04T10:01:00Z
body = '''{"ref":"refs/heads/main","before":"aa","after":"100100","repository":{"full_name":"acme/shop","private":true,
"owner":{"login":"acme"}},"sender":{"login":"bo"}}'''
[[fires.notifications]]
sender = "github"
headers = { X-GitHub-Event = "push" }
at = 2026-03-04T10:02:00Z
body = '''{"ref":"refs/heads/main","before":"aa","after":"100200","repository":{"full_name":"acme/shop","private":false,
"owner":{"login":"acme"}},"sender":{"login":"bo"}}'''
[[fires.notifications]]
sender = "github"
headers = { X-GitHub-Event = "repository" }
at = 2026-03-04T11:00:00Z
body = '''{"action":"publicized","repository":{"full_name":"acme/tools","private":false,"owner":{"login":"acme"}},
"sender":{"login":"bo"}}'''
[[fires.notifications]]
sender = "github"
headers = { X-GitHub-Event = "public" }
at = 2026-03-04T11:01:00Z
body = '''{"repository":{"full_name":"acme/docs","private":false,"owner":{"login":"acme"}},"sender":{"login":"bo"}}'''

[[fires]]
title = "Only pushes come, and one shows that the repository has become public: the actor of the push is not to blame"
expected = [
    "high acme/shop: acme/shop was private before, and is public now.",
    "high acme/tools: ann made acme/tools public.",
]
[[fires.notifications]]
sender = "github"
headers = { X-GitHub-Event = "push" }
at = 2026-03-04T09:00:00Z
body = '''{"ref":"refs/heads/main","before":"aa","after":"090000","repository":{"full_name":"acme/shop","private":true,"visibility":"internal",
"owner":{"login":"acme"}},"sender":{"login":"bo"}}'''
[[fires.notifications]]
sender = "github"
headers = { X-GitHub-Event = "push" }
at = 2026-03-04T10:00:00Z
body = '''{"ref":"refs/heads/main","before":"aa","after":"100000","repository":{"full_name":"acme/shop","private":false,"visibility":"public",
"owner":{"login":"acme"}},"sender":{"login":"bo"}}'''
[[fires.notifications]]
sender = "github"
headers = { X-GitHub-Event = "public" }
at = 2026-03-04T10:05:00Z
body = '''{"repository":{"full_name":"acme/tools","private":false,"owner":{"login":"acme"}},"sender":{"login":"ann"}}'''

[[silent]]
title = "A private repository is deleted, and one of its name is created public"
[[silent.notifications]]
sender = "github"
headers = { X-GitHub-Event = "repository" }
at = 2026-03-04T10:00:00Z
body = '''{"action":"deleted","repository":{"full_name":"acme/shop","private":true,"owner":{"login":"acme"}},
"sender":{"login":"ann"}}'''
[[silent.notifications]]
sender = "github"
headers = { X-GitHub-Event = "repository" }
at = 2026-03-04T11:00:00Z
body = '''{"action":"created","repository":{"full_name":"acme/shop","private":false,"owner":{"login":"acme"}},
"sender":{"login":"ann"}}'''

[[silent]]
title = "A repository is created public, another one becomes private, and a third one internal"
[[silent.notifications]]
sender = "github"
headers = { X-GitHub-Event = "repository" }
at = 2026-03-04T10:00:00Z
body = '''{"action":"created","repository":{"full_name":"acme/open","private":false,"owner":{"login":"acme"}},
"sender":{"login":"ann"}}'''
[[silent.notifications]]
sender = "github"
headers = { X-GitHub-Event = "push" }
at = 2026-03-04T10:10:00Z
body = '''{"ref":"refs/heads/main","before":"aa","after":"ab","repository":{"full_name":"acme/shop","private":false,
"owner":{"login":"acme"}},"sender":{"login":"bo"}}'''
[[silent.notifications]]
sender = "github"
headers = { X-GitHub-Event = "repository" }
at = 2026-03-04T10:20:00Z
body = '''{"action":"privatized","repository":{"full_name":"acme/shop","private":true,"owner":{"login":"acme"}},
"sender":{"login":"ann"}}'''
[[silent.notifications]]
sender = "github"
headers = { X-GitHub-Event = "repository" }
at = 2026-03-04T10:30:00Z
body = '''{"action":"edited","changes":{"description":{"from":"x"}},"repository":{"full_name":"acme/tools","private":true,
"visibility":"private","description":"y","owner":{"login":"acme"}},"sender":{"login":"ann"}}'''
[[silent.notifications]]
sender = "github"
headers = { X-GitHub-Event = "push" }
at = 2026-03-04T10:40:00Z
body = '''{"ref":"refs/heads/main","before":"aa","after":"ab","repository":{"full_name":"acme/tools","private":true,
"visibility":"internal","description":"y","owner":{"login":"acme"}},"sender":{"login":"bo"}}'''
*/
-- Two events tell the act. Where a webhook has neither, the next notification of the repository shows the act by its state.
WITH told AS (
    SELECT id, seq, least(occurred_at, received_at) AS acted_at, category, entity_id, account_alias, actor
    FROM events
    WHERE occurred_at >= $since::TIMESTAMPTZ - to_minutes($together_minutes)
        AND received_at >= $since::TIMESTAMPTZ - to_minutes($together_minutes)
        AND least(occurred_at, received_at) < $until::TIMESTAMPTZ + to_minutes($together_minutes)
        AND sender = 'github' AND event_type IN ('public', 'repository.publicized') AND entity_id IS NOT NULL
),
acts AS (
    SELECT *
    FROM told
    QUALIFY acted_at - lag(acted_at) OVER (PARTITION BY entity_id ORDER BY acted_at, seq) <= to_minutes($together_minutes)
        IS NOT true
),
shown AS (
    SELECT notification_id AS id, changed_at AS acted_at, category, entity_id, account_alias, NULL::VARCHAR AS actor
    FROM changes
    WHERE changed_at >= $since::TIMESTAMPTZ AND changed_at < $until::TIMESTAMPTZ
        AND sender = 'github' AND category = 'repository' AND path = 'private' AND NOT noise
        AND old_value::VARCHAR = 'true' AND new_value::VARCHAR = 'false'
        -- A new repository may have the name of one that is gone.
        AND notification_id NOT IN (
            SELECT id
            FROM events
            WHERE occurred_at >= $since::TIMESTAMPTZ AND received_at >= $since::TIMESTAMPTZ
                AND sender = 'github' AND event_type = 'repository.created'
        )
        AND NOT EXISTS (
            SELECT 1
            FROM told
            WHERE told.entity_id = changes.entity_id
                AND told.acted_at >= changed_at - to_minutes($together_minutes)
                AND told.acted_at <= changed_at + to_minutes($together_minutes)
        )
)
SELECT
    acted_at AS found_at,
    category,
    entity_id,
    account_alias,
    actor,
    if(
        actor IS NULL,
        concat(entity_id, ' was private before, and is public now.'),
        concat(actor, ' made ', entity_id, ' public.')
    ) AS sentence,
    [id] AS notification_ids
FROM (FROM acts SELECT id, acted_at, category, entity_id, account_alias, actor UNION ALL FROM shown)
WHERE acted_at >= $since::TIMESTAMPTZ AND acted_at < $until::TIMESTAMPTZ
