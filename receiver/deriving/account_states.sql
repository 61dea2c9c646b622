INSERT INTO account_states FROM account_facts;
