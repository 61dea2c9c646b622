"""Shared by the listener and the query service: sockets, TLS and the bounds of a request's head."""
