"""One PostgreSQL for these tests, and a database for each."""

from tests.support.postgres import database, postgres

__all__ = ["database", "postgres"]
