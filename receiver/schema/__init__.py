"""The schema of the DuckDB file, one SQL file a version."""

import re
from importlib import resources


def migrations() -> dict[int, str]:
    """Read the schema's steps by version."""
    files = resources.files(__package__).iterdir()
    return {int(file.name[:3]): file.read_text("utf-8") for file in files if re.match(r"\d{3}_.*\.sql$", file.name)}


def newest_version() -> int:
    """Say up to which version this program knows the schema."""
    return max(migrations())
