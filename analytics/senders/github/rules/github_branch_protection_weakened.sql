/*
title = "Branch protection weakened"
severity = "high"
why = """
The protection of a branch decides who may push to it, and what a change must pass before. Anyone who can weaken it can bring \
code past review and tests into what is delivered. A rule within a ruleset that is changed, not removed, is not judged."""
todo = """
Ask the actor why. If it was for one urgent change, look at what was pushed and merged meanwhile, and restore the protection. \
If nobody knows of it, take the actor's rights away first."""
references = [
    "MITRE ATT&CK T1562.001, Disable or Modify Tools: https://attack.mitre.org/techniques/T1562/001/",
    "MITRE ATT&CK T1195.002, Compromise Software Supply Chain: https://attack.mitre.org/techniques/T1195/002/",
    "GitHub, About protected branches: https://docs.github.com/en/repositories/configuring-branches-and-merges-in-your-repository/managing-protected-branches/about-protected-branches",
]

[reasons]
high = "nothing of the protection is left"
medium = "some of the protection is left"

[[fires]]
title = "Fields of a protection fall, and then the protection goes"
expected = [
    """medium acme/shop: ann weakened the protection of main in acme/shop: admin enforced from true to false, \
allow force pushes enforcement level from off to everyone, required approving review count from 2 to 1, \
signature requirement enforcement level from non_admins to off.""",
    """medium acme/shop: ann weakened the protection of main in acme/shop: authorized actor names from [] to ["mallory"], \
required status checks from ["lint","tests"] to ["tests"].""",
    "high acme/shop: ann removed the protection of main in acme/shop.",
    "high acme/shop: ann switched off the protection of all branches of acme/shop.",
]
[[fires.notifications]]
sender = "github"
headers = { X-GitHub-Event = "branch_protection_rule" }
at = 2026-03-04T10:00:00Z
body = '''{"action":"edited","rule":{"id":7,"name":"main","admin_enforced":false,"allow_force_pushes_enforcement_level":"everyone",
"required_approving_review_count":1,"require_code_owner_review":true,
"signature_requirement_enforcement_level":"off"},"changes":{"admin_enforced":{"from":true},
"allow_force_pushes_enforcement_level":{"from":"off"},"required_approving_review_count":{"from":2},
"require_code_owner_review":{"from":false},"signature_requirement_enforcement_level":{"from":"non_admins"}},"repository":{"full_name":"Acme/Shop","owner":{"login":"Acme"}},
"sender":{"login":"ann"}}'''
[[fires.notifications]]
sender = "github"
headers = { X-GitHub-Event = "branch_protection_rule" }
at = 2026-03-04T10:10:00Z
body = '''{"action":"edited","rule":{"id":7,"name":"main","authorized_actors_only":true,"authorized_actor_names":["mallory"],
"required_status_checks":["tests"]},"changes":{"authorized_actor_names":{"from":[]},
"required_status_checks":{"from":["lint","tests"]}},"repository":{"full_name":"acme/shop","owner":{"login":"acme"}},
"sender":{"login":"ann"}}'''
[[fires.notifications]]
sender = "github"
headers = { X-GitHub-Event = "branch_protection_rule" }
at = 2026-03-04T10:20:00Z
body = '''{"action":"deleted","rule":{"id":7,"name":"main","admin_enforced":true},
"repository":{"full_name":"acme/shop","owner":{"login":"acme"}},"sender":{"login":"ann"}}'''
[[fires.notifications]]
sender = "github"
headers = { X-GitHub-Event = "branch_protection_configuration" }
at = 2026-03-04T10:30:00Z
body = '''{"action":"disabled","repository":{"full_name":"acme/shop","owner":{"login":"acme"}},"sender":{"login":"ann"}}'''

[[fires]]
title = "A fork's locked branch may be synchronized with the repository above, and then no more; another one may, too"
expected = [
    "medium acme/shop: ann weakened the protection of main in acme/shop: lock allows fork sync from false to true.",
    "medium acme/shop: ann weakened the protection of rel in acme/shop: lock allows fork sync from null to true.",
]
[[fires.notifications]]
sender = "github"
headers = { X-GitHub-Event = "branch_protection_rule" }
at = 2026-03-04T10:00:00Z
body = '''{"action":"edited","rule":{"id":7,"name":"main","lock_allows_fork_sync":true},
"changes":{"lock_allows_fork_sync":{"from":false}},"repository":{"full_name":"acme/shop","owner":{"login":"acme"}},
"sender":{"login":"ann"}}'''
[[fires.notifications]]
sender = "github"
headers = { X-GitHub-Event = "branch_protection_rule" }
at = 2026-03-04T10:10:00Z
body = '''{"action":"edited","rule":{"id":7,"name":"main","lock_allows_fork_sync":false},
"changes":{"lock_allows_fork_sync":{"from":true}},"repository":{"full_name":"acme/shop","owner":{"login":"acme"}},
"sender":{"login":"ann"}}'''
[[fires.notifications]]
sender = "github"
headers = { X-GitHub-Event = "branch_protection_rule" }
at = 2026-03-04T10:20:00Z
body = '''{"action":"edited","rule":{"id":8,"name":"rel","lock_allows_fork_sync":true},
"changes":{"lock_allows_fork_sync":{"from":null}},"repository":{"full_name":"acme/shop","owner":{"login":"acme"}},
"sender":{"login":"ann"}}'''

[[fires]]
title = "A ruleset loses rules, becomes a trial, and goes; another one is the organization's"
expected = [
    "medium acme/shop: ann weakened the ruleset releases of acme/shop: without deletion, non_fast_forward.",
    "high acme/shop: ann weakened the ruleset releases of acme/shop: evaluate instead of active.",
    "high acme/shop: ann removed the ruleset tags of acme/shop.",
    "high None: ann weakened the ruleset everywhere of acme: disabled instead of active.",
]
[[fires.notifications]]
sender = "github"
headers = { X-GitHub-Event = "repository_ruleset" }
at = 2026-03-04T10:00:00Z
body = '''{"action":"edited","repository_ruleset":{"id":3,"name":"releases","enforcement":"active"},
"changes":{"rules":{"added":[],"deleted":[{"type":"deletion"},{"type":"non_fast_forward"}],"updated":[]}},
"repository":{"full_name":"acme/shop","owner":{"login":"acme"}},"sender":{"login":"ann"}}'''
[[fires.notifications]]
sender = "github"
headers = { X-GitHub-Event = "repository_ruleset" }
at = 2026-03-04T10:10:00Z
body = '''{"action":"edited","repository_ruleset":{"id":3,"name":"releases","enforcement":"evaluate"},
"changes":{"enforcement":{"from":"active"}},
"repository":{"full_name":"acme/shop","owner":{"login":"acme"}},"sender":{"login":"ann"}}'''
[[fires.notifications]]
sender = "github"
headers = { X-GitHub-Event = "repository_ruleset" }
at = 2026-03-04T10:20:00Z
body = '''{"action":"deleted","repository_ruleset":{"id":4,"name":"tags","enforcement":"active"},
"repository":{"full_name":"acme/shop","owner":{"login":"acme"}},"sender":{"login":"ann"}}'''
[[fires.notifications]]
sender = "github"
headers = { X-GitHub-Event = "repository_ruleset" }
at = 2026-03-04T10:30:00Z
body = '''{"action":"edited","repository_ruleset":{"id":5,"name":"everywhere","enforcement":"disabled"},
"changes":{"enforcement":{"from":"active"}},"organization":{"login":"acme"},"sender":{"login":"ann"}}'''

[[silent]]
title = "A protection is made and becomes stricter; a ruleset that was off goes, and another one goes from trial to active"
[[silent.notifications]]
sender = "github"
headers = { X-GitHub-Event = "branch_protection_rule" }
at = 2026-03-04T10:00:00Z
body = '''{"action":"created","rule":{"id":7,"name":"main","admin_enforced":false},
"repository":{"full_name":"acme/shop","owner":{"login":"acme"}},"sender":{"login":"ann"}}'''
[[silent.notifications]]
sender = "github"
headers = { X-GitHub-Event = "branch_protection_rule" }
at = 2026-03-04T10:10:00Z
body = '''{"action":"edited","rule":{"id":7,"name":"main","admin_enforced":true,"allow_force_pushes_enforcement_level":"off",
"linear_history_requirement_enforcement_level":"everyone","required_approving_review_count":2,
"required_status_checks":["lint","tests"],"authorized_actors_only":true,"authorized_actor_names":["ann"],
"create_protected":false},
"changes":{"admin_enforced":{"from":false},"allow_force_pushes_enforcement_level":{"from":"everyone"},
"linear_history_requirement_enforcement_level":{"from":"non_admins"},"required_approving_review_count":{"from":null},
"required_status_checks":{"from":["tests"]},"authorized_actors_only":{"from":false},"authorized_actor_names":{"from":[]},
"create_protected":{"from":null}},"repository":{"full_name":"acme/shop","has_wiki":true,"owner":{"login":"acme"}},"sender":{"login":"ann"}}'''
[[silent.notifications]]
sender = "github"
headers = { X-GitHub-Event = "branch_protection_configuration" }
at = 2026-03-04T10:20:00Z
body = '''{"action":"enabled","repository":{"full_name":"acme/shop","has_wiki":false,"owner":{"login":"acme"}},"sender":{"login":"ann"}}'''
[[silent.notifications]]
sender = "github"
headers = { X-GitHub-Event = "repository_ruleset" }
at = 2026-03-04T10:30:00Z
body = '''{"action":"deleted","repository_ruleset":{"id":3,"name":"old","enforcement":"disabled"},
"repository":{"full_name":"acme/shop","owner":{"login":"acme"}},"sender":{"login":"ann"}}'''
[[silent.notifications]]
sender = "github"
headers = { X-GitHub-Event = "repository_ruleset" }
at = 2026-03-04T10:40:00Z
body = '''{"action":"edited","repository_ruleset":{"id":4,"name":"new","enforcement":"active"},
"changes":{"enforcement":{"from":"evaluate"},"rules":{"added":[{"type":"deletion"}],"deleted":[{"type":"update"}],"updated":[]}},
"repository":{"full_name":"acme/shop","owner":{"login":"acme"}},"sender":{"login":"ann"}}'''
*/
-- The body of a changed protection tells each field's value of before, so `changes` has both values. Each field is stricter if it
-- is true or has a higher level, but for those that allow something.
WITH fields AS (
    SELECT
        notification_id,
        changed_at,
        category,
        entity_id,
        account_alias,
        actor,
        regexp_extract(path, '\[(.*)\][.]\w+$', 1) AS branch,
        regexp_extract(path, '\w+$') AS field,
        old_value ->> '$' AS before,
        new_value ->> '$' AS now,
        ['off', 'non_admins', 'everyone'] AS levels,
        bool_or(field = 'authorized_actors_only') OVER (PARTITION BY notification_id) AS is_newly_closed
    FROM changes
    WHERE changed_at >= $since::TIMESTAMPTZ AND changed_at < $until::TIMESTAMPTZ
        AND sender = 'github' AND category = 'repository' AND kind = 'changed'
        AND starts_with(path, 'branch_protection_rules[')
),
weaker AS (
    SELECT *
    FROM fields
    WHERE CASE
        WHEN starts_with(field, 'allow_') THEN list_position(levels, now) > list_position(levels, before)
        WHEN ends_with(field, '_level') THEN list_position(levels, now) < list_position(levels, before)
        WHEN field = 'required_approving_review_count' THEN TRY_CAST(now AS BIGINT) < TRY_CAST(before AS BIGINT)
        WHEN field = 'required_status_checks'
        THEN NOT list_has_all(TRY_CAST(now AS JSON[]), TRY_CAST(before AS JSON[]))
        WHEN field = 'authorized_actor_names'
        THEN NOT is_newly_closed AND NOT list_has_all(TRY_CAST(before AS JSON[]), TRY_CAST(now AS JSON[]))
        WHEN field = 'lock_allows_fork_sync' THEN coalesce(before, 'false') = 'false' AND now = 'true'
        ELSE before = 'true' AND now = 'false'
    END
),
acts AS (
    SELECT
        id,
        least(occurred_at, received_at) AS acted_at,
        category,
        entity_id,
        account_alias,
        actor,
        event_type,
        payload ->> [
            '$.rule.name', '$.repository_ruleset.name', '$.repository_ruleset.enforcement', '$.changes.enforcement.from'
        ] AS fields,
        coalesce(payload ->> '$.changes.rules.deleted[*].type', []) AS deleted
    FROM events
    WHERE occurred_at >= $since::TIMESTAMPTZ AND received_at >= $since::TIMESTAMPTZ
        AND least(occurred_at, received_at) < $until::TIMESTAMPTZ
        AND sender = 'github' AND event_type IN (
            'branch_protection_rule.deleted', 'branch_protection_configuration.disabled',
            'repository_ruleset.deleted', 'repository_ruleset.edited'
        )
),
judged AS (
    SELECT
        *,
        coalesce(entity_id, account_alias, '(no name)') AS place,
        fields[2] AS ruleset,
        fields[3] AS enforcement,
        coalesce(fields[4], enforcement) = 'active' AS was_on,
        was_on AND enforcement <> 'active' AS is_off,
        if(was_on, array_to_string(deleted, ', '), '') AS rules_gone,
        CASE event_type
            WHEN 'branch_protection_rule.deleted'
            THEN concat('removed the protection of ', coalesce(fields[1], '(no name)'), ' in ', place)
            WHEN 'branch_protection_configuration.disabled'
            THEN concat('switched off the protection of all branches of ', place)
            WHEN 'repository_ruleset.deleted'
            THEN if(enforcement = 'active', concat('removed the ruleset ', ruleset, ' of ', place), NULL)
            ELSE if(
                is_off OR rules_gone <> '',
                concat(
                    'weakened the ruleset ', ruleset, ' of ', place, ': ',
                    concat_ws(
                        ', ',
                        if(is_off, concat(enforcement, ' instead of active'), NULL),
                        if(rules_gone <> '', concat('without ', rules_gone), NULL)
                    )
                ),
                NULL
            )
        END AS act
    FROM acts
)
SELECT
    changed_at AS found_at,
    category,
    entity_id,
    account_alias,
    actor,
    concat(
        coalesce(actor, 'Somebody'), ' weakened the protection of ', branch, ' in ', entity_id, ': ',
        string_agg(concat(replace(field, '_', ' '), ' from ', coalesce(before, 'null'), ' to ', now), ', ' ORDER BY field), '.'
    ) AS sentence,
    [notification_id] AS notification_ids,
    'medium' AS severity
FROM weaker
GROUP BY notification_id, changed_at, category, entity_id, account_alias, actor, branch
UNION ALL
SELECT
    acted_at,
    category,
    entity_id,
    account_alias,
    actor,
    concat(coalesce(actor, 'Somebody'), ' ', act, '.'),
    [id],
    if(event_type = 'repository_ruleset.edited' AND NOT coalesce(is_off, false), 'medium', 'high')
FROM judged
WHERE act IS NOT NULL
