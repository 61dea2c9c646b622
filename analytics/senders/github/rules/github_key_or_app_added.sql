/*
title = "Deploy key or app added"
severity = "low"
why = """
A deploy key and an installed app get at repositories without a person's password and second factor, and stay when the person \
who added them leaves. Where they can write, they can change what is delivered. Only an app's own webhook tells of \
installations."""
todo = """
Ask the actor what it is for. Remove it if nobody can say, and look at what it read and pushed since."""
references = [
    "MITRE ATT&CK T1098.004, SSH Authorized Keys: https://attack.mitre.org/techniques/T1098/004/",
    "MITRE ATT&CK T1550.001, Application Access Token: https://attack.mitre.org/techniques/T1550/001/",
]

[reasons]
medium = "it can write"
low = "it can only read"

[[fires]]
title = "Two deploy keys, of which one can write"
expected = [
    "low acme/shop: ann added the deploy key mirror to acme/shop: it can only read.",
    "medium acme/shop: ann added the deploy key release to acme/shop: it can write.",
]
[[fires.notifications]]
sender = "github"
headers = { X-GitHub-Event = "deploy_key" }
at = 2026-03-04T10:00:00Z
body = '''{"action":"created","key":{"id":1,"title":"mirror","read_only":true},
"repository":{"full_name":"acme/shop","owner":{"login":"acme"}},"sender":{"login":"ann"}}'''
[[fires.notifications]]
sender = "github"
headers = { X-GitHub-Event = "deploy_key" }
at = 2026-03-04T10:10:00Z
body = '''{"action":"created","key":{"id":2,"title":"release","read_only":false},
"repository":{"full_name":"acme/shop","owner":{"login":"acme"}},"sender":{"login":"ann"}}'''

[[fires]]
title = "An app is installed, and later gets more permissions"
expected = [
    "low 77: ann installed the app 5 in acme: it can only read.",
    "medium 77: ann gave the app linter in acme new permissions: it can write contents, repository_projects.",
]
[[fires.notifications]]
sender = "github"
headers = { X-GitHub-Event = "installation" }
at = 2026-03-04T10:00:00Z
body = '''{"action":"created","installation":{"id":77,"app_id":5,"app_slug":"","account":{"login":"Acme"},
"permissions":{"contents":"read","metadata":"read"}},"sender":{"login":"ann"}}'''
[[fires.notifications]]
sender = "github"
headers = { X-GitHub-Event = "installation" }
at = 2026-03-04T10:10:00Z
body = '''{"action":"new_permissions_accepted","installation":{"id":77,"app_id":5,"app_slug":"linter",
"account":{"login":"Acme"},"permissions":{"contents":"write","metadata":"read","repository_projects":"admin"}},"sender":{"login":"ann"}}'''

[[silent]]
title = "A deploy key and an app go"
[[silent.notifications]]
sender = "github"
headers = { X-GitHub-Event = "deploy_key" }
at = 2026-03-04T10:00:00Z
body = '''{"action":"deleted","key":{"id":2,"title":"release","read_only":false},
"repository":{"full_name":"acme/shop","owner":{"login":"acme"}},"sender":{"login":"ann"}}'''
[[silent.notifications]]
sender = "github"
headers = { X-GitHub-Event = "installation" }
at = 2026-03-04T10:10:00Z
body = '''{"action":"deleted","installation":{"id":77,"app_id":5,"app_slug":"linter","account":{"login":"Acme"},
"permissions":{"contents":"write"}},"sender":{"login":"ann"}}'''
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
        payload ->> ['$.key.title', '$.key.read_only', '$.installation.app_slug', '$.installation.app_id'] AS fields,
        list_sort(list_transform(
            list_filter(
                map_entries(TRY_CAST(payload -> '$.installation.permissions' AS MAP(VARCHAR, VARCHAR))),
                lambda entry: entry.value IN ('write', 'admin')
            ),
            lambda entry: entry.key
        )) AS writable
    FROM events
    WHERE occurred_at >= $since::TIMESTAMPTZ AND received_at >= $since::TIMESTAMPTZ
        AND least(occurred_at, received_at) < $until::TIMESTAMPTZ
        AND sender = 'github'
        AND event_type IN ('deploy_key.created', 'installation.created', 'installation.new_permissions_accepted')
),
judged AS (
    SELECT
        *,
        if(event_type = 'deploy_key.created', fields[2] IS DISTINCT FROM 'true', coalesce(len(writable) > 0, true)) AS can_write,
        concat('the app ', coalesce(nullif(fields[3], ''), fields[4], '(no name)'), ' in ', account_alias) AS app
    FROM acts
)
SELECT
    acted_at AS found_at,
    category,
    entity_id,
    account_alias,
    actor,
    concat(
        coalesce(actor, 'Somebody'),
        CASE event_type
            WHEN 'deploy_key.created' THEN concat(' added the deploy key ', coalesce(fields[1], '(no title)'), ' to ', entity_id)
            WHEN 'installation.created' THEN concat(' installed ', app)
            ELSE concat(' gave ', app, ' new permissions')
        END,
        ': it can ', if(can_write, concat_ws(' ', 'write', array_to_string(writable, ', ')), 'only read'), '.'
    ) AS sentence,
    [id] AS notification_ids,
    if(can_write, 'medium', 'low') AS severity
FROM judged
