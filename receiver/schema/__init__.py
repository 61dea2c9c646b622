"""The schema of the DuckDB file, one SQL file a version."""

import re
from importlib import resources


def newest_version() -> int:
    """Say up to which version this program knows the schema."""
    names = (file.name for file in resources.files(__package__).iterdir())
    return max(int(name[:3]) for name in names if re.match(r"\d{3}_.*\.sql$", name))
