/*
title = "Unfamiliar actor"
severity = "low"
why = """
Somebody changed a server of an account in which they never did anything before. The severity is low if they belonged to \
the account or to one above it, medium if no notification shows whether they did, and high if they belonged to another branch \
of the account tree, or to another tree, whose users have no work here."""
todo = """
Ask the account's administrator whether this person should work there. If they are of another branch, disable the user and \
look at all that they changed: open the user's entity."""
references = [
    "MITRE ATT&CK T1078.004, Valid Accounts: Cloud Accounts: https://attack.mitre.org/techniques/T1078/004/",
    "MITRE ATT&CK T1199, Trusted Relationship: https://attack.mitre.org/techniques/T1199/",
]

# Where nothing tells of users, everybody is unknown. Those of another branch are high, and never context.
everyday = "new colleagues begin, and old ones take over servers"

[reasons]
high = "the actor belongs to another branch or tree of accounts"
medium = "no notification shows whether the actor belongs to the account or to one above it"
low = "the actor belongs to the account or to one above it"

[parameters]
settled_days = 7    # in an account whose first known change is younger, everybody is new and nobody unfamiliar
quiet_days = 30     # an actor of another branch is told again after doing nothing there for so long, at least 1

[[fires]]
title = "A user of the account works there for the first time, and then again"
expected = ["low WA1ACMEWEB01: bea changed WA1ACMEWEB01 of ACME, and was never seen to change anything there before."]
[[fires.notifications]]
event = "User.Created"
at = 2026-03-01T10:00:00Z
body = '{"userName":"bea","accountAlias":"ACME","status":"Active"}'
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-01T11:00:00Z
body = '''{"name":"WA1ACMEWEB01","description":"a","changeInfo":{"modifiedBy":"ann","modifiedDate":"{{at}}"},
"links":[{"rel":"account","id":"acme"}]}'''
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-12T11:00:00Z
times = 3
every_seconds = 3600
body = '''{"name":"WA1ACMEWEB01","description":"{{n}}","changeInfo":{"modifiedBy":"bea","modifiedDate":"{{at}}"},
"links":[{"rel":"account","id":"acme"}]}'''

[[fires]]
title = "An actor of whom nothing is known"
expected = ["medium WA1ACMEWEB01: x9 changed WA1ACMEWEB01 of ACME, was never seen to change anything there before, and"]
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-01T11:00:00Z
body = '''{"name":"WA1ACMEWEB01","description":"a","changeInfo":{"modifiedBy":"ann","modifiedDate":"{{at}}"},
"links":[{"rel":"account","id":"acme"}]}'''
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-12T11:00:00Z
body = '''{"name":"WA1ACMEWEB01","description":"b","changeInfo":{"modifiedBy":"x9","modifiedDate":"{{at}}"},
"links":[{"rel":"account","id":"acme"}]}'''

[[fires]]
title = "A user of a sister account, in an account that was just seen first"
expected = ["high WA1BRIXDB01: eve changed WA1BRIXDB01 of BRIX, but is a user of ACME, which is not above it in the tree"]
[[fires.notifications]]
event = "Account.Created"
at = 2026-03-01T10:00:00Z
body = '{"accountAlias":"ACME","businessName":"Acme","parentAlias":"ROOT"}'
[[fires.notifications]]
event = "Account.Created"
at = 2026-03-01T10:01:00Z
body = '{"accountAlias":"BRIX","businessName":"Brix","parentAlias":"ROOT"}'
[[fires.notifications]]
event = "User.Created"
at = 2026-03-01T10:02:00Z
body = '{"userName":"eve","accountAlias":"ACME","status":"Active"}'
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-02T11:00:00Z
times = 2
every_seconds = 60
body = '''{"name":"WA1BRIXDB01","description":"{{n}}","changeInfo":{"modifiedBy":"eve","modifiedDate":"{{at}}"},
"links":[{"rel":"account","id":"brix"}]}'''

[[fires]]
title = "A user of an account of another tree, in a settled account"
expected = [
    "high WA1ACMEDB01: eve changed WA1ACMEDB01 of ACME, but is a user of EVIL, which is not above it in the tree of accounts.",
]
[[fires.notifications]]
event = "Account.Created"
at = 2026-03-01T10:00:00Z
body = '{"accountAlias":"ACME","businessName":"Acme","parentAlias":"ROOT"}'
[[fires.notifications]]
event = "Account.Created"
at = 2026-03-01T10:01:00Z
body = '{"accountAlias":"EVIL","businessName":"Evil","parentAlias":"DARK"}'
[[fires.notifications]]
event = "User.Created"
at = 2026-03-01T10:02:00Z
body = '{"userName":"eve","accountAlias":"EVIL","status":"Active"}'
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-01T11:00:00Z
body = '''{"name":"WA1ACMEDB01","description":"a","changeInfo":{"modifiedBy":"ann","modifiedDate":"{{at}}"},
"links":[{"rel":"account","id":"acme"}]}'''
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-12T11:00:00Z
body = '''{"name":"WA1ACMEDB01","description":"b","changeInfo":{"modifiedBy":"eve","modifiedDate":"{{at}}"},
"links":[{"rel":"account","id":"acme"}]}'''

[[fires]]
title = "A user of an account whose place is not known, in a tree whose top is"
expected = ["high WA1ACMEDB01: eve changed WA1ACMEDB01 of ACME, but is a user of EVIL, which is not above it"]
[[fires.notifications]]
event = "Account.Created"
at = 2026-03-01T10:00:00Z
body = '{"accountAlias":"ACME","businessName":"Acme"}'
[[fires.notifications]]
event = "User.Created"
at = 2026-03-01T10:02:00Z
body = '{"userName":"eve","accountAlias":"EVIL","status":"Active"}'
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-02T11:00:00Z
body = '''{"name":"WA1ACMEDB01","description":"b","changeInfo":{"modifiedBy":"eve","modifiedDate":"9999-01-01T00:00:00Z"},
"links":[{"rel":"account","id":"acme"}]}'''

[[fires]]
title = "A user of a sub-account works in the account above, and again two months later"
expected = ["high WA1ACMEDB01: sub changed", "high WA1ACMEDB01: sub changed"]
[[fires.notifications]]
event = "Account.Created"
at = 2026-03-01T10:00:00Z
body = '{"accountAlias":"ACME","businessName":"Acme","parentAlias":"ROOT"}'
[[fires.notifications]]
event = "Account.Created"
at = 2026-03-01T10:01:00Z
body = '{"accountAlias":"ACEU","businessName":"Acme Europe","parentAlias":"ACME"}'
[[fires.notifications]]
event = "User.Created"
at = 2026-03-01T10:02:00Z
body = '{"userName":"sub","accountAlias":"ACEU","status":"Active"}'
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-02T11:00:00Z
times = 2
every_seconds = 5184000
body = '''{"name":"WA1ACMEDB01","description":"{{n}}","changeInfo":{"modifiedBy":"sub","modifiedDate":"{{at}}"},
"links":[{"rel":"account","id":"acme"}]}'''

[[fires]]
title = "A user of a sister account, whose name has letters that are two in upper case"
expected = ["high WA1BRIXDB01: groß@ﬁrma.example changed WA1BRIXDB01 of BRIX, but is a user of ACME, which is not above it"]
[[fires.notifications]]
event = "Account.Created"
at = 2026-03-01T10:00:00Z
body = '{"accountAlias":"ACME","businessName":"Acme","parentAlias":"ROOT"}'
[[fires.notifications]]
event = "Account.Created"
at = 2026-03-01T10:01:00Z
body = '{"accountAlias":"BRIX","businessName":"Brix","parentAlias":"ROOT"}'
[[fires.notifications]]
event = "User.Created"
at = 2026-03-01T10:02:00Z
body = '{"userName":"groß@ﬁrma.example","accountAlias":"ACME","status":"Active"}'
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-02T11:00:00Z
body = '''{"name":"WA1BRIXDB01","description":"a","changeInfo":{"modifiedBy":"groß@ﬁrma.example","modifiedDate":"{{at}}"},
"links":[{"rel":"account","id":"brix"}]}'''

[[fires]]
title = "A user of an account of which no notification tells the place, in a settled account"
expected = [
    """medium WA1ACMEWEB01: evg changed WA1ACMEWEB01 of ACME, was never seen to change anything there before, and is a user of \
FARX: no notification shows whether that is above ACME.""",
]
[[fires.notifications]]
event = "User.Created"
at = 2026-03-01T10:00:00Z
body = '{"userName":"evg","accountAlias":"FARX","status":"Active"}'
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-01T11:00:00Z
body = '''{"name":"WA1ACMEWEB01","description":"a","changeInfo":{"modifiedBy":"ann","modifiedDate":"{{at}}"},
"links":[{"rel":"account","id":"acme"}]}'''
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-12T11:00:00Z
body = '''{"name":"WA1ACMEWEB01","description":"b","changeInfo":{"modifiedBy":"evg","modifiedDate":"{{at}}"},
"links":[{"rel":"account","id":"acme"}]}'''

[[fires]]
title = "A user moves to the account, works there and moves on; another one works in the account that it comes from"
expected = [
    "low WA1BRIXDB01: mover changed WA1BRIXDB01 of BRIX, and was never seen to change anything there before.",
    "high WA1BRIXDB01: lea changed WA1BRIXDB01 of BRIX, but is a user of ACME, which is not above it in the tree",
]
[[fires.notifications]]
event = "Account.Created"
at = 2026-03-01T10:00:00Z
body = '{"accountAlias":"ACME","businessName":"Acme","parentAlias":"ROOT"}'
[[fires.notifications]]
event = "Account.Created"
at = 2026-03-01T10:01:00Z
body = '{"accountAlias":"BRIX","businessName":"Brix","parentAlias":"ROOT"}'
[[fires.notifications]]
event = "User.Created"
at = 2026-03-01T10:02:00Z
body = '{"userName":"mover","accountAlias":"ACME","status":"Active"}'
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-01T11:00:00Z
body = '''{"name":"WA1BRIXDB01","description":"a","changeInfo":{"modifiedBy":"ann","modifiedDate":"{{at}}"},
"links":[{"rel":"account","id":"brix"}]}'''
[[fires.notifications]]
event = "User.Updated"
at = 2026-03-03T10:00:00Z
body = '{"userName":"mover","accountAlias":"BRIX","status":"Active"}'
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-12T11:00:00Z
body = '''{"name":"WA1BRIXDB01","description":"b","changeInfo":{"modifiedBy":"mover","modifiedDate":"{{at}}"},
"links":[{"rel":"account","id":"brix"}]}'''
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-13T11:00:00Z
body = '''{"name":"WA1BRIXDB01","description":"c","changeInfo":{"modifiedBy":"lea","modifiedDate":"{{at}}"},
"links":[{"rel":"account","id":"brix"}]}'''
[[fires.notifications]]
event = "User.Updated"
at = 2026-03-14T10:00:00Z
body = '{"userName":"lea","accountAlias":"ACME","status":"Active"}'
[[fires.notifications]]
event = "User.Updated"
at = 2026-03-15T10:00:00Z
body = '{"userName":"lea","accountAlias":"BRIX","status":"Active"}'
[[fires.notifications]]
event = "User.Updated"
at = 2026-03-16T10:00:00Z
body = '{"userName":"mover","accountAlias":"ACME","status":"Active"}'

[[silent]]
title = "A user of an account above works in a new account"
[[silent.notifications]]
event = "Account.Created"
at = 2026-03-01T10:00:00Z
body = '{"accountAlias":"ACME","businessName":"Acme","parentAlias":"ROOT"}'
[[silent.notifications]]
event = "User.Created"
at = 2026-03-01T10:02:00Z
body = '{"userName":"boss","accountAlias":"ROOT","status":"Active"}'
[[silent.notifications]]
event = "Server.Created"
at = 2026-03-02T11:00:00Z
body = '''{"name":"WA1ACMEDB01","status":"active","changeInfo":{"modifiedBy":"boss","modifiedDate":"{{at}}"},
"links":[{"rel":"account","id":"acme"}]}'''

[[silent]]
title = "A familiar actor, spelled in capital letters"
[[silent.notifications]]
event = "Server.Updated"
at = 2026-03-01T11:00:00Z
body = '''{"name":"WA1ACMEWEB01","description":"a","changeInfo":{"modifiedBy":"ann","modifiedDate":"{{at}}"},
"links":[{"rel":"account","id":"acme"}]}'''
[[silent.notifications]]
event = "Server.Updated"
at = 2026-05-12T11:00:00Z
body = '''{"name":"WA1ACMEWEB01","description":"b","changeInfo":{"modifiedBy":"ANN","modifiedDate":"{{at}}"},
"links":[{"rel":"account","id":"acme"}]}'''

[[silent]]
title = "A user of an account whose place in the tree is not known"
[[silent.notifications]]
event = "Account.Created"
at = 2026-03-01T10:00:00Z
body = '{"accountAlias":"ACME","businessName":"Acme","parentAlias":"MIDS"}'
[[silent.notifications]]
event = "User.Created"
at = 2026-03-01T10:02:00Z
body = '{"userName":"boss","accountAlias":"ROOT","status":"Active"}'
[[silent.notifications]]
event = "Server.Created"
at = 2026-03-02T11:00:00Z
body = '''{"name":"WA1ACMEDB01","status":"active","changeInfo":{"modifiedBy":"boss","modifiedDate":"{{at}}"},
"links":[{"rel":"account","id":"acme"}]}'''

[[silent]]
title = "The same, and another sender has an account of the same name, which has its own tree"
[[silent.notifications]]
event = "Account.Created"
at = 2026-03-01T10:00:00Z
body = '{"accountAlias":"ACME","businessName":"Acme","parentAlias":"ROOT"}'
[[silent.notifications]]
sender = "generic-hmac"
headers = { X-Event = "invoice.created" }
at = 2026-03-01T10:01:00Z
body = '{"account":"ACME","data":{"id":"inv-17"},"actor":"boss"}'
[[silent.notifications]]
event = "User.Created"
at = 2026-03-01T10:02:00Z
body = '{"userName":"boss","accountAlias":"ROOT","status":"Active"}'
[[silent.notifications]]
event = "Server.Created"
at = 2026-03-02T11:00:00Z
body = '''{"name":"WA1ACMEDB01","status":"active","changeInfo":{"modifiedBy":"boss","modifiedDate":"{{at}}"},
"links":[{"rel":"account","id":"acme"}]}'''
*/
WITH recent AS (
    SELECT DISTINCT account_alias, as_entity_id(actor) AS actor_key
    FROM notifications
    WHERE occurred_at >= $since::TIMESTAMPTZ AND received_at >= $since::TIMESTAMPTZ
        AND least(occurred_at, received_at) < $until::TIMESTAMPTZ
        AND sender = 'centurylink' AND category = 'Server'
        AND actor IS NOT NULL AND account_alias IS NOT NULL AND duplicate_of IS NULL
),
-- Grouped by day, because a window over days is a hundred times smaller than one over all their events.
days AS (
    SELECT
        known.account_alias,
        as_entity_id(actor) AS actor_key,
        epoch_us(least(occurred_at, received_at)) // 86400000000 AS day,
        min(least(occurred_at, received_at)) AS first_at,
        max(least(occurred_at, received_at)) AS last_at
    FROM notifications AS known
    SEMI JOIN recent ON recent.account_alias = known.account_alias AND recent.actor_key = as_entity_id(actor)
    WHERE occurred_at >= $since::TIMESTAMPTZ - to_days($quiet_days)
        AND received_at >= $since::TIMESTAMPTZ - to_days($quiet_days)
        AND least(occurred_at, received_at) < $until::TIMESTAMPTZ
        AND sender = 'centurylink' AND category = 'Server' AND actor IS NOT NULL AND duplicate_of IS NULL
    GROUP BY ALL
),
-- An actor's first event in an account, ever or after a long while.
entries AS MATERIALIZED (
    SELECT
        account_alias,
        actor_key,
        first_at AS entered_at,
        (epoch_us(first_at) - lag(epoch_us(last_at)) OVER (PARTITION BY account_alias, actor_key ORDER BY day)) / 1e6 AS quiet
    FROM days
    QUALIFY (quiet IS NULL OR quiet > 86400 * $quiet_days)
        AND entered_at >= greatest($since::TIMESTAMPTZ, $complete_since::TIMESTAMPTZ)
),
-- The whole history of those accounts; nothing else reads it.
pairs AS (
    SELECT
        account_alias,
        as_entity_id(actor) AS actor_key,
        min(least(occurred_at, received_at)) AS first_at,
        arg_min(struct_pack(seq := seq, id := id), (least(occurred_at, received_at), seq)) AS first_one
    FROM notifications
    WHERE least(occurred_at, received_at) < $until::TIMESTAMPTZ
        AND sender = 'centurylink' AND category = 'Server' AND actor IS NOT NULL AND duplicate_of IS NULL
        AND account_alias IN (SELECT account_alias FROM entries)
    GROUP BY ALL
),
-- Of what was before the store is complete, only some is known.
history AS (
    SELECT
        *,
        arg_min(first_one, (first_at, first_one.seq)) OVER (PARTITION BY account_alias) AS account_first,
        greatest(min(first_at) OVER (PARTITION BY account_alias), $complete_since::TIMESTAMPTZ) AS account_first_at
    FROM pairs
),
-- A user can move to another account.
moves AS (
    SELECT entity_id AS actor_key, account_alias AS home, least(occurred_at, received_at) AS told_at, seq, id
    FROM notifications
    WHERE sender = 'centurylink' AND category = 'User' AND duplicate_of IS NULL AND account_alias IS NOT NULL
        AND entity_id IN (SELECT actor_key FROM entries)
    QUALIFY lag(home) OVER (PARTITION BY entity_id ORDER BY told_at, seq) IS DISTINCT FROM home
),
-- The account that was told last before the act; where none was, the first that was told after it.
homes AS (
    SELECT
        actor_key,
        account_alias,
        entered_at,
        coalesce(
            arg_max(struct_pack(alias := home, id := id), (told_at, seq)) FILTER (told_at <= entered_at),
            arg_min(struct_pack(alias := home, id := id), (told_at, seq))
        ) AS home
    FROM entries
    JOIN moves USING (actor_key)
    GROUP BY actor_key, account_alias, entered_at
),
-- Where no notification described the top account of a path, the accounts above it are not known. One of them may exist
-- without any notification.
places AS (
    SELECT
        alias,
        root_path,
        parent_alias IS NOT NULL OR business_name IS NOT NULL AS is_told,
        root_path[1] IN (SELECT alias FROM accounts WHERE business_name IS NOT NULL) AS is_whole
    FROM accounts
    WHERE sender = 'centurylink'
),
judged AS (
    SELECT
        entries.*,
        home.alias AS home_alias,
        home.id AS home_id,
        account_first,
        if(here.is_whole, here.root_path, list_concat(here.root_path, there.root_path)) AS branches,
        entered_at = first_at AND epoch_us(first_at) - epoch_us(account_first_at) >= 86400 * 1e6 * $settled_days AS is_new,
        home_alias IS NOT NULL AND NOT list_contains(here.root_path, home_alias)
            AND (here.is_whole OR here.root_path[1] = there.root_path[1] OR (here.is_told AND there.is_told)) AS is_foreign,
        coalesce(home_alias = account_alias OR list_contains(here.root_path, home_alias), false) AS is_familiar
    FROM entries
    JOIN history USING (account_alias, actor_key)
    LEFT JOIN homes USING (actor_key, account_alias, entered_at)
    LEFT JOIN places AS here ON here.alias = account_alias
    LEFT JOIN places AS there ON there.alias = home.alias
),
-- What tells where the accounts are may come after the act, which is foreign only since then. Their bodies are read by id,
-- because else those of all accounts are.
told AS MATERIALIZED (
    SELECT id
    FROM notifications
    WHERE sender = 'centurylink' AND category = 'Account' AND duplicate_of IS NULL
        AND entity_id IN (SELECT unnest(branches) FROM judged WHERE is_foreign)
),
tellings AS (
    SELECT
        entity_id AS alias,
        id,
        least(occurred_at, received_at) AS told_at,
        seq,
        [payload ->> 'parentAlias', payload ->> 'links', if(payload ->> 'businessName' IS NULL, NULL, '')] AS place
    FROM notifications
    WHERE id IN (SELECT id FROM told)
    QUALIFY lag(place) OVER (PARTITION BY entity_id ORDER BY told_at, seq) IS DISTINCT FROM place
),
proofs AS (
    SELECT account_alias, actor_key, entered_at, list(id ORDER BY alias) AS place_ids
    FROM (SELECT account_alias, actor_key, entered_at, unnest(list_distinct(branches)) AS alias FROM judged WHERE is_foreign)
    JOIN (SELECT alias, arg_max(id, (told_at, seq)) AS id FROM tellings GROUP BY alias) USING (alias)
    GROUP BY ALL
),
acts AS (
    SELECT judged.*, actor, entity_id, id, seq
    FROM notifications
    JOIN judged
        ON judged.account_alias = notifications.account_alias AND entered_at = least(occurred_at, received_at)
            AND actor_key = as_entity_id(actor)
    WHERE (is_foreign OR is_new)
        AND occurred_at >= $since::TIMESTAMPTZ AND received_at >= $since::TIMESTAMPTZ
        AND least(occurred_at, received_at) < $until::TIMESTAMPTZ
        AND sender = 'centurylink' AND category = 'Server' AND duplicate_of IS NULL
    QUALIFY row_number() OVER (PARTITION BY judged.account_alias, actor_key, entered_at ORDER BY seq) = 1
),
-- Of dropped months nobody knows who acted in them.
unseen AS (
    SELECT
        if(
            $complete_since::TIMESTAMPTZ = to_timestamp(0),
            'was never seen to change anything there before',
            strftime(
                $complete_since::TIMESTAMPTZ AT TIME ZONE 'UTC',
                'was not seen to change anything there since %Y-%m-%d (earlier months are in the lake)'
            )
        ) AS not_seen
)
SELECT
    entered_at AS found_at,
    'Server' AS category,
    entity_id,
    account_alias,
    actor,
    concat(
        actor, ' changed ', coalesce(entity_id, 'a server without a name'), ' of ', account_alias,
        CASE
            WHEN is_foreign THEN concat(', but is a user of ', home_alias, ', which is not above it in the tree of accounts.')
            WHEN home_alias IS NULL THEN concat(', ', not_seen, ', and no notification describes this user.')
            WHEN NOT is_familiar
            THEN concat(
                ', ', not_seen, ', and is a user of ', home_alias, ': no notification shows whether that is above ',
                account_alias, '.'
            )
            ELSE concat(', and ', not_seen, '.')
        END
    ) AS sentence,
    list_filter(
        list_concat(
            [
                id,
                if(is_familiar, NULL, home_id),
                if(account_first.seq > seq AND NOT is_foreign, account_first.id, NULL)
            ],
            place_ids
        ),
        lambda one: one IS NOT NULL
    ) AS notification_ids,
    CASE WHEN is_foreign THEN 'high' WHEN is_familiar THEN 'low' ELSE 'medium' END AS severity
FROM acts
LEFT JOIN proofs USING (account_alias, actor_key, entered_at)
CROSS JOIN unseen
