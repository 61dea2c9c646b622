"""The schema of the DuckDB file, one SQL file for each version.

A new column of `notifications` or `rejected` also stands in `receiver.notification`, from which all else takes it;
in `receiver.spool.columns`, for segments of older programs; in the next `version_N.sql` of `receiver.shared_spool`; and
in the documentation of the tables.
"""

import re

from receiver.files import read_sql_files


def read_migrations() -> dict[int, str]:
    """Read the schema's steps by version."""
    files = read_sql_files(__package__)
    return {int(name[:3]): sql for name, sql in files.items() if re.match(r"\d{3}_", name)}


def find_newest_version() -> int:
    """Return the newest version of the schema that this program knows."""
    return max(read_migrations())
