"""The shared spool, in a real PostgreSQL, and receivers that share it."""
