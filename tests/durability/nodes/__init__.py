"""Faults of machines that share a spool, under load: what is killed, cut and wiped, and what must hold at the end."""
