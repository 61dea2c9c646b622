/*
title = "Force push to the default branch"
severity = "medium"
why = """
A force push replaces commits that others have built on. It can hide what was there, or bring in what nobody reviewed; a \
protected branch refuses it."""
todo = """
Compare the commits before and after, which the notification names. Restore what is missing, and protect the branch against \
force pushes."""
references = [
    "MITRE ATT&CK T1565.001, Stored Data Manipulation: https://attack.mitre.org/techniques/T1565/001/",
    "GitHub, About protected branches: https://docs.github.com/en/repositories/configuring-branches-and-merges-in-your-repository/managing-protected-branches/about-protected-branches",
]

[reasons]
medium = "commits that others have built on are replaced"

[[fires]]
title = "The default branch is not called main everywhere"
expected = [
    "medium acme/shop: ann force-pushed main of acme/shop: 6113728 became 0d1a26e.",
    "medium acme/tools: ann force-pushed trunk/2 of acme/tools: 6113728 became 0d1a26e.",
]
[[fires.notifications]]
sender = "github"
headers = { X-GitHub-Event = "push" }
at = 2026-03-04T10:00:00Z
body = '''{"ref":"refs/heads/main","before":"6113728f27ae82c7b1a177c8d03f9e96e0adf246","forced":true,
"after":"0d1a26e67d8f5eaf1f6ba5c57fc3c7d91ac0fd1c","repository":{"full_name":"acme/shop","default_branch":"main",
"owner":{"login":"acme"},"pushed_at":1772618399},"sender":{"login":"ann"}}'''
[[fires.notifications]]
sender = "github"
headers = { X-GitHub-Event = "push" }
at = 2026-03-04T11:00:00Z
body = '''{"ref":"refs/heads/trunk/2","before":"6113728f27ae82c7b1a177c8d03f9e96e0adf246","forced": true,
"after":"0d1a26e67d8f5eaf1f6ba5c57fc3c7d91ac0fd1c","repository":{"full_name":"acme/tools","default_branch":"trunk/2",
"owner":{"login":"acme"}},"sender":{"login":"ann"}}'''

[[fires]]
title = "The name of the field is spelled with an escape"
expected = ["medium acme/shop: ann force-pushed main of acme/shop: 6113728 became 0d1a26e."]
[[fires.notifications]]
sender = "github"
headers = { X-GitHub-Event = "push" }
at = 2026-03-04T10:00:00Z
body = '''{"ref":"refs/heads/main","before":"6113728f27ae82c7b1a177c8d03f9e96e0adf246","\u0066orced":true,
"after":"0d1a26e67d8f5eaf1f6ba5c57fc3c7d91ac0fd1c","repository":{"full_name":"acme/shop","default_branch":"main",
"owner":{"login":"acme"}},"sender":{"login":"ann"}}'''

[[silent]]
title = "An ordinary push; a force push to another branch, and to a tag of the same name"
[[silent.notifications]]
sender = "github"
headers = { X-GitHub-Event = "push" }
at = 2026-03-04T10:00:00Z
body = '''{"ref":"refs/heads/main","before":"aa","after":"ab","forced":false,"repository":{"full_name":"acme/shop",
"default_branch":"main","owner":{"login":"acme"}},"sender":{"login":"ann"}}'''
[[silent.notifications]]
sender = "github"
headers = { X-GitHub-Event = "push" }
at = 2026-03-04T10:10:00Z
body = '''{"ref":"refs/heads/x/main","before":"aa","after":"ab","forced":true,"repository":{"full_name":"acme/shop",
"default_branch":"main","owner":{"login":"acme"}},"sender":{"login":"ann"}}'''
[[silent.notifications]]
sender = "github"
headers = { X-GitHub-Event = "push" }
at = 2026-03-04T10:15:00Z
body = '''{"ref":"refs/heads/main","before":"aa","after":"ab","forced":false,"commits":[{"forced":true}],
"repository":{"full_name":"acme/shop","default_branch":"main","owner":{"login":"acme"}},"sender":{"login":"ann"}}'''
[[silent.notifications]]
sender = "github"
headers = { X-GitHub-Event = "push" }
at = 2026-03-04T10:20:00Z
body = '''{"ref":"refs/tags/main","before":"aa","after":"ab","forced":true,"repository":{"full_name":"acme/shop",
"default_branch":"main","owner":{"login":"acme"}},"sender":{"login":"ann"}}'''
*/
-- The pattern only saves time: most pushes are not forced, and their bodies need not be parsed. A name in JSON may be spelled
-- with escapes.
WITH pushes AS (
    SELECT
        id,
        least(occurred_at, received_at) AS pushed_at,
        category,
        entity_id,
        account_alias,
        actor,
        payload ->> ['$.forced', '$.ref', '$.repository.default_branch', '$.before', '$.after'] AS fields
    FROM events
    WHERE occurred_at >= $since::TIMESTAMPTZ AND received_at >= $since::TIMESTAMPTZ
        AND least(occurred_at, received_at) < $until::TIMESTAMPTZ
        AND sender = 'github' AND event_type = 'push'
        AND (regexp_matches(payload::VARCHAR, '"forced"\s*:\s*true') OR contains(payload::VARCHAR, '\u'))
)
SELECT
    pushed_at AS found_at,
    category,
    entity_id,
    account_alias,
    actor,
    concat(
        coalesce(actor, 'Somebody'), ' force-pushed ', fields[3], ' of ', entity_id, ': ',
        fields[4][:7], ' became ', fields[5][:7], '.'
    ) AS sentence,
    [id] AS notification_ids
FROM pushes
WHERE fields[1] = 'true' AND fields[2] = concat('refs/heads/', fields[3])
