"""Months that the store drops: which ones may go, and what comes late for those that are gone."""
