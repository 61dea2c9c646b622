"""The query service over real sockets, on a real DuckDB file opened as the receiver opens it."""
