-- No other sender's bodies tell of an account's name and parent in these fields.
CREATE OR REPLACE VIEW account_bodies AS
SELECT
    entity_id AS alias,
    seq,
    try(payload ->> 'businessName') AS business_name,
    try(upper(nullif(coalesce(
        payload ->> 'parentAlias',
        list_extract(
            string_split(
                list_filter(
                    from_json(payload -> 'links', '[{"rel": "VARCHAR", "href": "VARCHAR"}]'),
                    lambda link: link.rel = 'parentAccount'
                )[1].href,
                '/'
            ),
            -1
        )
    ), ''))) AS parent_alias,
    sender,
    least(occurred_at, received_at) AS happened_at
FROM events
WHERE sender = 'centurylink' AND category = 'Account' AND entity_id IS NOT NULL;

-- A notification of an old form, or of a deletion, tells no parent or no name: the one that was told last counts.
CREATE VIEW account_facts AS
SELECT
    alias,
    max(struct_pack(happened_at := happened_at, seq := seq)).seq AS seq,
    arg_max(business_name, struct_pack(happened_at := happened_at, seq := seq)) AS business_name,
    arg_max(parent_alias, struct_pack(happened_at := happened_at, seq := seq)) AS parent_alias,
    sender
FROM account_bodies
GROUP BY sender, alias;

DELETE FROM account_states;

INSERT INTO account_states FROM account_facts;
