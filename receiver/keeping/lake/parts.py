"""Parts of a table's month: rows that follow each other in the order of the lake, few enough to be sorted in memory."""

from typing import Any, Literal, NamedTuple

from receiver.deriving.tables import select_closed
from receiver.files import read_sql_file


class LakeTable(NamedTuple):
    """A table of the lake, the most rows of a part, and the text by which the fingerprint tells rows apart.

    `of` chooses rows: all, those of closed notifications, or those of others. From closed ones the store derives no
    changes again, because of what it has dropped.
    """

    name: str
    rows_per_part: int
    told: str
    of: Literal["all", "closed", "open"] = "all"


NOTIFICATIONS = LakeTable("notifications", 25_000, "concat_ws('|', id, duplicate_of)")
CHANGES = LakeTable(
    "changes",
    100_000,
    "concat_ws('|', notification_id, epoch_us(changed_at), path, kind, noise, told, ifnull(old_value, '-'), new_value)",
)
REJECTED = LakeTable("rejected", 25_000, "id")
TABLES = (NOTIFICATIONS, CHANGES, REJECTED)

Parameters = dict[str, Any]


class Key(NamedTuple):
    """The place of a row in the order of the lake: its entity, time (ISO 8601) and what decides ties."""

    entity: str | None
    time: str
    tie: str


class Part(NamedTuple):
    """The rows with an entity, or those without, behind one key and up to another; None is no bound."""

    is_named: bool
    after: Key | None = None
    upto: Key | None = None

    def make_condition(self) -> str:
        """Return the condition in SQL. A plain comparison stands first: by it DuckDB passes over blocks of rows."""
        first, keys = ("key_entity", "key_entity, ") if self.is_named else ("key_time", "")
        conditions = [f"key_entity IS {'NOT ' if self.is_named else ''}NULL"]
        for name, sign, bound in (("after", ">", self.after), ("upto", "<=", self.upto)):
            if bound:
                entity = f"${name}_entity, " if self.is_named else ""
                least = f"${name}_entity" if self.is_named else f"${name}_time::TIMESTAMPTZ"
                conditions.append(f"{first} {sign[0]}= {least}")
                conditions.append(
                    f"({keys}key_time, key_tie) {sign} ({entity}${name}_time::TIMESTAMPTZ, ${name}_tie::VARCHAR)"
                )
        return " AND ".join(conditions)

    def make_parameters(self) -> Parameters:
        """Return the values of the condition."""
        values: Parameters = {}
        for name, bound in (("after", self.after), ("upto", self.upto)):
            if bound:
                values |= {f"{name}_{field}": value for field, value in bound._asdict().items() if value is not None}
        return values

    def cut(self, keys: list[Key]) -> list["Part"]:
        """Cut it behind each of these keys."""
        return [Part(self.is_named, *bounds) for bounds in zip([self.after, *keys], [*keys, self.upto], strict=True)]


NO_ROWS = Part(is_named=False, upto=Key(None, "0001-01-01T00:00:00+00:00", ""))
"""A part without rows."""


def select(name: str, table: LakeTable, part: Part | None = None) -> str:
    """Return a query of this package on the rows of a table, or of a part of them."""
    rows = read_sql_file(f"{__package__}.rows", f"{table.name}.sql")
    if table.of != "all":
        rows += f"AND notifications.seq {'' if table.of == 'closed' else 'NOT '}IN ({select_closed()})"
    query = read_sql_file(__package__, f"{name}.sql").replace("/* told */", table.told)
    if part:
        query = query.replace("/* part */", part.make_condition())
    return query.replace("/* rows */", rows)
