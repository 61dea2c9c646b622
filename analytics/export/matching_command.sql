-- The filter of the commands `export` and `tail`, whose events may be categories, and whose accounts are in upper case; a part
-- of other queries.
    -- include matching.sql
    AND (list_contains($events::VARCHAR[], event_type) OR list_contains($events::VARCHAR[], category)) -- if $events
    AND list_contains($senders::VARCHAR[], sender) -- if $senders
    AND list_contains($accounts::VARCHAR[], as_entity_id(account_alias)) -- if $accounts
