"""The magic `clc` of notebooks."""

import re
from datetime import UTC, datetime

import pandas as pd
import pytest
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

from analytics import connect
from analytics.notebook.charts import draw_offline
from analytics.senders import colours as list_colours
from tests.support.readable_store import account, build_store, server
from tests.support.sizes import take_few


@pytest.fixture
def store(tmp_path):
    return build_store(tmp_path / "store.duckdb", [account("ACME", "Acme", None), server("ACME", "WA1ACMEWEB01")])


@pytest.fixture
def shell(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    made = InteractiveShell()
    made.history_manager.enabled = False
    made.run_line_magic("load_ext", "analytics")
    made.user_ns["pd"] = pd
    return made


def test_a_cell_of_sql_gives_a_dataframe(shell, store):
    frame = shell.run_cell_magic("clc", f"--location {store}", "SELECT entity_id\nFROM events\nORDER BY seq")
    assert frame["entity_id"].tolist() == ["ACME", "WA1ACMEWEB01"]


def test_with_out_the_dataframe_goes_into_a_variable(shell, store):
    assert shell.run_cell_magic("clc", f"-l {store} -o found", "SELECT count(*) AS n FROM events") is None
    assert shell.user_ns["found"]["n"].tolist() == [2]


@pytest.mark.parametrize(
    ("line", "cell", "said"),
    [
        ("-o not-a-name", "SELECT 1", "no name of a variable"),
        ("-o class", "SELECT 1", "no name of a variable"),
        ("--nonesuch", "SELECT 1", "unrecognized arguments"),
        ("'", "SELECT 1", "No closing quotation"),
        ("--location nowhere.duckdb", "SELECT 1", "is no file"),
        ("-p account", "SELECT $account", "%%clc: account has no value: write -p account=VALUE"),
        ("-p a=-Infinity", "SELECT $a", "%%clc: a has -Infinity in it, which is no JSON number"),
        ("-p acount=ACME", "SELECT $account", r"the SQL has no \$acount"),
        ("", "SELECT $account", r"\$account is no variable of this notebook; make one, or add -p account=VALUE"),
        ("", "SELECT ?", "parameter 1 has no name"),
        ("", "SELECT $pd", r"\$pd is of the type module, which SQL does not have: give"),
        ("--x n", "SELECT 1 AS n", "--x, --y, --color and --title need --chart"),
        ("--chart pie", "SELECT 1 AS n", "invalid choice: 'pie'"),
    ],
)
def test_wrong_use_is_one_line_without_a_traceback(shell, line, cell, said):
    with pytest.raises(UsageError, match=said):
        shell.run_cell_magic("clc", line, cell)


def test_wrong_sql_shows_duckdbs_own_message(shell, store):
    with pytest.raises(UsageError, match="syntax error"):
        shell.run_cell_magic("clc", f"--location {store}", "SELEC 1")


def test_a_line_asks_the_receiver_of_the_settings(shell, monkeypatch):
    monkeypatch.setenv("CLC_QUERY_LISTEN", "127.0.0.1:9")
    with pytest.raises(UsageError, match=r"http://127.0.0.1:9"):
        shell.run_line_magic("clc", "SELECT 1")


def run(shell, store, options, sql):
    return shell.run_cell_magic("clc", f"--location {store} {options}", sql)


def test_a_parameter_is_the_notebooks_variable_of_its_name_whatever_is_in_it(shell, store):
    shell.user_ns.update(name="WA1ACMEWEB01", odd="x' OR 1 = 1 --", day=datetime(2026, 3, 2, tzinfo=UTC))
    sql = "SELECT count(*) AS n FROM events WHERE entity_id = $name AND received_at >= $day::TIMESTAMPTZ -- $nonesuch"
    assert run(shell, store, "", sql)["n"].tolist() == [1]
    assert run(shell, store, "", "SELECT count(*) AS n FROM events WHERE entity_id = $odd")["n"].tolist() == [0]


@pytest.mark.full
@pytest.mark.parametrize(
    "names",
    [
        ["ACME", "WA1ACMEWEB01"],
        {"ACME", "WA1ACMEWEB01"},
        pd.Series(["ACME", "WA1ACMEWEB01"]),
        pd.Series(["ACME", "WA1ACMEWEB01"]).to_numpy(),
    ],
)
def test_a_list_a_set_or_a_column_is_a_list_in_the_sql(shell, store, names):
    shell.user_ns["names"] = names
    sql = "SELECT count(*) AS n FROM events WHERE list_contains($names, entity_id)"
    assert run(shell, store, "", sql)["n"].tolist() == [2]


@pytest.mark.full
def test_a_column_of_times_in_nanoseconds_is_one_of_times(shell, store):
    shell.user_ns["times"] = pd.Series(["2026-03-02 12:00"], dtype="datetime64[ns]").to_numpy()
    sql = "SELECT count(*) AS n FROM events WHERE list_contains($times, received_at::TIMESTAMP)"
    assert run(shell, store, "", sql)["n"].tolist() == [2]


def test_what_is_missing_is_null(shell, store):
    shell.user_ns.update(nothing=None, no_time=pd.NaT, no_number=float("nan"))
    sql = "SELECT $nothing IS NULL AND $no_time IS NULL AND $no_number IS NULL AS missing"
    assert run(shell, store, "", sql)["missing"].tolist() == [True]


def test_a_parameter_of_the_first_line_goes_before_a_variable_and_numbers_are_numbers(shell, store):
    shell.user_ns.update(name="ACME", most=1)
    frame = run(
        shell, store, "--param name=WA1ACMEWEB01 -p most=7 -p 'text=two words'",
        "SELECT entity_id, $most + 1 AS more, $text AS words FROM events WHERE entity_id = $name",
    )  # fmt: skip
    assert frame.iloc[0].tolist() == ["WA1ACMEWEB01", 8, "two words"]


def test_a_line_of_sql_takes_variables_as_values_not_as_text(shell, store, monkeypatch):
    shell.user_ns["name"] = "ACME"
    magics = shell.find_line_magic("clc").__self__
    monkeypatch.setitem(magics._clients, None, connect(str(store)))
    frame = shell.run_line_magic("clc", "SELECT $name AS who, count(*) AS n FROM events")
    assert frame.iloc[0].tolist() == ["ACME", 2]


def test_wrong_sql_with_parameters_shows_duckdbs_own_message_too(shell, store):
    with pytest.raises(UsageError, match="syntax error"):
        run(shell, store, "-p name=1", "SELEC $name")


BY_HOUR = """
SELECT TIMESTAMPTZ '2026-03-02 00:00:00+00' + INTERVAL 1 HOUR * (i // 2) AS "begin.at",
       ['Server.Created', 'User.Created'][i % 2 + 1] AS "event[type]", sum(i) AS "count(*)"
FROM range(8) AS t(i) GROUP BY ALL ORDER BY ALL
"""


def drawn(chart):
    """Return a chart as Vega-Lite reads it, its rows with it."""
    told = chart.to_dict()
    (rows,) = told.pop("datasets").values()
    return told, rows


@pytest.mark.parametrize(
    ("kind", "mark"), take_few([("line", "line"), ("bar", "bar"), ("area", "area"), ("point", "point")], 1)
)
def test_a_chart_chooses_its_columns_by_what_they_hold(shell, store, kind, mark):
    told, rows = drawn(run(shell, store, f"--chart {kind}", BY_HOUR))
    assert told["mark"]["type"] == mark
    encoding = told["encoding"]
    assert {name: encoding[name]["type"] for name in ("x", "y", "color")} == {
        "x": "temporal",
        "y": "quantitative",
        "color": "nominal",
    }
    assert [tip["title"] for tip in encoding["tooltip"]] == ["begin.at", "count(*)", "event[type]"]
    assert rows[1]["x"] == "2026-03-02T00:00:00+00:00"
    assert (rows[1]["y"], rows[1]["colour"]) == (1, "User.Created")
    assert "count(*) by begin.at, by event[type]" in told["description"]
    assert told["width"] == 700


def test_columns_of_a_chart_can_be_named_and_it_can_have_a_title(shell, store):
    sql = "SELECT * FROM (VALUES (1, 'z', 3, true), (2, 'a', 4, false)) AS t(id, name, amount, paid)"
    told, rows = drawn(run(shell, store, "--chart point --x name --y amount --color paid --title 'What is due'", sql))
    assert [(row["x"], row["y"]) for row in rows] == [("z", 3), ("a", 4)]
    assert (told["encoding"]["color"]["legend"]["title"], told["title"]["text"]) == ("paid", "What is due")


def test_without_numbers_a_chart_counts_the_rows(shell, store):
    told, _ = drawn(run(shell, store, "--chart bar", "SELECT category FROM events"))
    assert "Number of rows by category" in told["description"]


@pytest.mark.parametrize("column", ["DATE '2026-03-02'", "TIMESTAMP '2026-03-02 00:00:00'"])
def test_dates_and_times_without_a_zone_are_times_in_utc(shell, store, column):
    _, rows = drawn(run(shell, store, "--chart line", f"SELECT {column} AS day, 1 AS n"))
    assert rows == [{"x": "2026-03-02T00:00:00+00:00", "y": 1}]


def test_a_chart_of_too_many_rows_says_what_it_left_out(shell, store, capsys):
    _, rows = drawn(run(shell, store, "--chart point", "SELECT i, 2 * i AS twice FROM range(5001) AS t(i)"))
    assert len(rows) == 5000
    assert "first 5,000 of 5,001 rows" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "sql", "said"),
    [
        ("--y nonesuch", "SELECT 1 AS a, 2 AS b", "--y nonesuch is no column; there are a, b"),
        ("--y a", "SELECT 'x' AS a, 'y' AS b", "--y a holds no numbers; cast it"),
        ("--y nonesuch", "SELECT 1 AS a, 2 AS b WHERE false", "--y nonesuch is no column; there are a, b"),
    ],
)
def test_what_cannot_be_drawn_says_why_in_one_line_and_the_dataframe_is_there_all_the_same(
    shell, store, options, sql, said
):
    with pytest.raises(UsageError, match=said):
        run(shell, store, f"--chart line -o frame {options}", sql)
    assert isinstance(shell.user_ns["frame"], pd.DataFrame)


def test_with_out_a_chart_is_shown_and_the_dataframe_goes_into_the_variable(shell, store):
    chart = run(shell, store, "--chart point -o hours", BY_HOUR)
    assert drawn(chart)[0]["mark"]["type"] == "point"
    assert len(shell.user_ns["hours"]) == 8


def test_a_chart_without_rows_says_so_and_does_not_end_the_notebook(shell, store, capsys):
    assert run(shell, store, "--chart bar -o frame", "SELECT 1 AS a, 2 AS b WHERE false") is None
    assert capsys.readouterr().out == "There are no rows to draw.\n"
    assert shell.user_ns["frame"].empty


@pytest.mark.parametrize("colours", take_few([4, 5, 10], 1))
def test_the_title_of_a_chart_lies_within_its_picture_whatever_the_number_of_its_colours(shell, store, colours):
    shell.user_ns["names"] = list(list_colours(dark=False))[:colours]
    chart = run(shell, store, "--chart bar --color c", "SELECT 'a' AS x, 1 AS n, unnest($names) AS c")
    picture = draw_offline(chart.to_dict())["image/svg+xml"]
    (room,) = re.findall(r'stroke-miterlimit="10" transform="translate\([\d.]+,([\d.]+)\)"', picture)
    (title,) = re.findall(r'role-title"><g transform="translate\([-\d.]+,-([\d.]+)\)', picture)
    assert float(title) <= float(room)
