"""CenturyLink Cloud: its events, kinds of entities, words, rules and queries."""
