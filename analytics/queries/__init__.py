"""The SQL of the dashboard: one file a query, with parts that are left out when their parameter is None."""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

INCLUDE = re.compile(r"^[ \t]*-- include (\w+\.sql)[ \t]*\n", re.MULTILINE)
CONDITION = re.compile(r" -- if \$(\w+)$")
PARAMETER = re.compile(r"\$(\w+)")
PARTS = frozenset({"beside", "lasts", "matching", "matching_changes", "of_activity", "of_entity"})


class Query(NamedTuple):
    """SQL with the values of the parameters that it names."""

    sql: str
    parameters: dict[str, Any]


@cache
def read(name: str) -> str:
    """Return the text of `name`.sql; a line `-- include other.sql` stands for that file's lines."""
    text = files(__name__).joinpath(f"{name}.sql").read_text(encoding="utf-8")
    return INCLUDE.sub(lambda found: read(found[1].removesuffix(".sql")).rstrip("\n") + "\n", text)


def query(name: str, values: Mapping[str, Any]) -> Query:
    """Return the query `name` for these values.

    A line that ends in `-- if $parameter` is left out where that parameter is None or missing, so a column that only
    a filter needs is not read without that filter. Values that the query does not name are left out too.

    Raises:
        KeyError: a parameter that the query needs has no value.
    """
    lines = []
    for line in read(name).splitlines():
        condition = CONDITION.search(line)
        if condition is None:
            lines.append(line)
        elif values.get(condition[1]) is not None:
            lines.append(line[: condition.start()])
    sql = "\n".join(line for line in lines if not line.lstrip().startswith("--"))
    return Query(sql, {parameter: values[parameter] for parameter in sorted(set(PARAMETER.findall(sql)))})


def names() -> list[str]:
    """Return the names of all queries that can be run by themselves."""
    found = {entry.name.removesuffix(".sql") for entry in files(__name__).iterdir() if entry.name.endswith(".sql")}
    return sorted(found - PARTS)
