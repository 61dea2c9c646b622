"""Plays the sender: a small reseller's accounts, users and servers, whose events are posted or archived, signed."""
