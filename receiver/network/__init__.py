"""Sockets, TLS and the bounds of a request's head: what the listener and the query service have in common."""
