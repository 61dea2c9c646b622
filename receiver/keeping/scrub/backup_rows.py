"""Reads notifications of a backup, in a process of its own because a damaged file may end it."""

import sys

import duckdb

_READ = "SELECT count(*), bit_xor(hash(notifications)) FROM notifications WHERE seq BETWEEN ? AND ?"


def _main() -> None:
    config: dict[str, str | bool | int | float | list[str]] = {"enable_external_access": "false"}
    file, first, last = sys.argv[1:]
    try:
        with duckdb.connect(file, read_only=True, config=config) as connection:
            rows = connection.execute(_READ, [int(first), int(last)]).fetchall()
    except duckdb.Error as error:
        sys.exit(str(error))
    print(rows[0][0])  # noqa: T201 - the process that started this one reads it


if __name__ == "__main__":
    _main()
