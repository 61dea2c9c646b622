"""The query service: SQL over HTTP in, one Arrow IPC stream out, and nothing changed on the way."""

from receiver.store.query.errors import QueryError
from receiver.store.query.runner import QueryLimits
from receiver.store.query.service import ServiceHandler, make_query_app, stop_queries

__all__ = ["QueryError", "QueryLimits", "ServiceHandler", "make_query_app", "stop_queries"]
