"""A lake whose months two stores wrote, one after the other: each began to number its notifications from 1."""

import csv
import io
import json
import re
import resource
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copytree
from tempfile import gettempdir

import duckdb
import pytest

from analytics.cli import run
from analytics.client.lake import LakeFiles
from analytics.errors import QueryError
from analytics.export import following, sorted_lake
from analytics.export.archives import ExportFilter, read_lake
from analytics.export.sorted_lake import SortedLake
from tests.support.readable_store import Changed, Row, build_store

MONTHS = {"2026-03": datetime(2026, 3, 5, tzinfo=UTC), "2026-04": datetime(2026, 4, 5, tzinfo=UTC)}
NUMBER = 6


def write_month(lake, file, month):
    """Write a store's rows as the month of a lake, as it has them."""
    tables = {}
    with duckdb.connect(str(file), read_only=True) as store:
        store.execute("SET timezone = 'UTC'")
        for name in ("notifications", "changes", "rejected"):
            path = lake / name / f"month={month}" / "part-0.parquet"
            path.parent.mkdir(parents=True)
            columns = [
                f'"{column}"::VARCHAR AS "{column}"' if kind in {"UUID", "JSON"} else f'"{column}"'
                for column, kind, *_ in store.execute(f"DESCRIBE {name}").fetchall()
            ]
            store.execute(f"COPY (SELECT {', '.join(columns)} FROM {name}) TO '{path}'")
            tables[name] = {"files": [{"path": str(path.relative_to(lake))}]}
    manifest = lake / "manifests" / f"{month}.json"
    manifest.parent.mkdir(exist_ok=True)
    manifest.write_text(json.dumps({"format": 1, "month": month, "tables": tables}))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """The place of the lake: user 1 to 6 of each month, the first of which changed."""
    there = tmp_path_factory.mktemp("lake")
    for month, begin in MONTHS.items():
        rows = [
            Row("User.Updated", "ACME", f"{month} {n}", {"n": n}, begin + timedelta(minutes=n))
            for n in range(1, NUMBER + 1)
        ]
        changes = [Changed(1, "status", "changed", '"Active"', f'"in {month}"')]
        write_month(there / "lake", build_store(there / f"{month}.duckdb", rows, changes=changes), month)
    return str(there)


@pytest.mark.parametrize("rows", [10_000, 5, 1])
def test_an_export_reads_each_month_once_and_has_its_notifications_in_the_order_of_their_receipt(
    place, monkeypatch, rows
):
    opened, stream = [], LakeFiles.stream

    def stream_and_note(files, table, month, rows):
        opened.append(month)
        return stream(files, table, month, rows)

    monkeypatch.setattr(LakeFiles, "stream", stream_and_note)
    monkeypatch.setattr(sorted_lake, "ROWS_AT_A_TIME", rows)
    tables = [*read_lake(place, ExportFilter())]
    entities = [entity for table in tables for entity in table.column("entity_id").to_pylist()]
    assert entities == [f"{month} {n}" for month in MONTHS for n in range(1, NUMBER + 1)]
    assert max(table.num_rows for table in tables) <= rows
    assert [month.begins.month for month in opened] == [3, 4]


def test_an_export_divides_a_month_that_is_too_large_to_be_sorted_in_memory(place, tmp_path, monkeypatch):
    file = Path(copytree(place, tmp_path / "there")) / "lake" / "notifications" / "month=2026-03" / "part-0.parquet"
    with duckdb.connect() as shuffling:
        shuffling.execute("SET timezone = 'UTC'")
        shuffling.execute(f"CREATE TABLE rows AS FROM '{file}' ORDER BY md5(entity_id)")
        shuffling.execute(f"COPY rows TO '{file}'")
    sizes, read = [], SortedLake._read

    def read_and_count(lake, query, parameters, rows):
        tables = list(read(lake, query, parameters, rows))
        sizes.append(sum(table.num_rows for table in tables))
        yield from tables

    monkeypatch.setattr(SortedLake, "_read", read_and_count)
    monkeypatch.setattr(sorted_lake, "BYTES_OF_A_SLICE", 1_000)
    entities = [
        entity
        for table in read_lake(str(tmp_path / "there"), ExportFilter())
        for entity in table.column("entity_id").to_pylist()
    ]
    assert entities == [f"{month} {n}" for month in MONTHS for n in range(1, NUMBER + 1)]
    assert len(sizes) > len(MONTHS)
    assert max(sizes) < NUMBER


def test_an_export_that_has_no_room_to_sort_a_month_names_the_place(place, monkeypatch):
    monkeypatch.setattr(sorted_lake, "BYTES_OF_A_SLICE", 1_000)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        with pytest.raises(QueryError, match=f"Months are sorted in {gettempdir()}/clc-.* set TMPDIR to another"):
            list(read_lake(place, ExportFilter()))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize(
    ("arguments", "exported"),
    [
        (["--since", "2026-03-05T00:04:00Z", "--until", "2026-04-01"], ["2026-03 4", "2026-03 5", "2026-03 6"]),
        (["--since", "2026-06-01"], []),
        (["--account", "NONE"], []),
        (["--event", "User"], [f"{month} {n}" for month in MONTHS for n in range(1, NUMBER + 1)]),
    ],
)
def test_an_export_has_what_was_chosen_and_names_its_columns_even_without_a_row(place, capfd, arguments, exported):
    assert run(["export", "-l", place, "--format", "csv", *arguments]) == 0
    rows = list(csv.DictReader(io.StringIO(capfd.readouterr().out)))
    assert [row["entity_id"] for row in rows] == exported


@pytest.mark.parametrize(
    ("is_replaced", "said"),
    [(True, "A month of the lake was replaced meanwhile: run this again."), (False, "part-0.parquet")],
)
def test_an_export_that_lacks_a_file_says_why(place, tmp_path, is_replaced, said):
    there = Path(copytree(place, tmp_path / "there"))
    manifest = there / "lake" / "manifests" / "2026-04.json"
    file = there / "lake" / "notifications" / "month=2026-04" / "part-0.parquet"
    tables = read_lake(str(there), ExportFilter())
    assert next(tables).num_rows == 0
    file.rename(file.with_name("part-new.parquet"))
    if is_replaced:
        manifest.write_text(manifest.read_text().replace("month=2026-04/part-0", "month=2026-04/part-new", 1))
    with pytest.raises(QueryError, match=re.escape(said)) as told:
        list(tables)
    assert "Traceback" not in str(told.value)


@pytest.mark.parametrize("rows_of_a_page", [200, 2])
def test_tail_has_the_newest_notifications_in_their_order_with_their_own_changes(
    place, monkeypatch, capfd, rows_of_a_page
):
    monkeypatch.setattr(following, "PAGE_ROWS", rows_of_a_page)
    assert run(["tail", "-l", place, "-n", "7"]) == 0
    lines = capfd.readouterr().out.splitlines()
    april = [f"2026-04 {n}" for n in range(1, NUMBER + 1)]
    assert [re.split(" {2,}", line)[3] for line in lines] == ["2026-03 6", *april]
    assert ["in 2026-04" in line for line in lines] == [False, True, *[False] * 5]


def test_rules_run_on_the_months_of_a_lake_without_a_receiver(place, capfd):
    assert run(["findings", "-l", place, "--since", "2026-03-01", "--until", "2026-05-01", "--json"]) == 0
    said = capfd.readouterr()
    assert (said.out, said.err) == ("", "No findings.\n")
