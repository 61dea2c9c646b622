"""The query service: takes SQL over HTTP, answers one Arrow IPC stream, and changes nothing."""

from receiver.store.query.answers import QueryError
from receiver.store.query.runner import QueryLimits
from receiver.store.query.service import ServiceHandler, make_query_app, stop_queries

__all__ = ["QueryError", "QueryLimits", "ServiceHandler", "make_query_app", "stop_queries"]
