"""The notebooks: they run from top to bottom on a live receiver, and lie in the repository without outputs."""

import json
import os
import re
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import altair as alt
import nbformat
import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell
from nbconvert import HTMLExporter

import analytics
from receiver.simulator.history import Simulation
from tests.receiver.simulator.test_stories import store_of
from tests.support.keys import key_directory, signed
from tests.support.prepared import run_program
from tests.support.processes import PreparedReceiver, environment, running
from tests.support.readable_store import Changed, Row, account, build_store
from tests.support.waiting import until

DIRECTORY = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(DIRECTORY.glob("*.ipynb"))
COUNT = "SELECT count(*) AS n FROM notifications"


def code_cells(path):
    notebook = nbformat.read(path, as_version=4)
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


STORIES = ["sign-up", "stolen-administrator", "public-server"]


@pytest.fixture(scope="module")
def receiver(tmp_path_factory):
    with running(PreparedReceiver, tmp_path_factory.mktemp("notebook") / "data") as started:
        archive = started.data_dir / "history.jsonl"
        key = ["--key", str(key_directory() / "private.pem"), "--quiet"]
        stories = [word for story in STORIES for word in ("--story", story)]
        command(started, "simulate", "--archive", str(archive), "--days", "8", "--count", "200", *stories, *key)
        with archive.open("a") as file:
            file.writelines(json.dumps(line) + "\n" for line in other_findings(datetime.now(UTC)))
        command(started, "import", str(archive))
        lines = len(archive.read_bytes().splitlines())
        until(lambda: started.sql(COUNT) == [{"n": lines}], what="the history in the store")
        yield started


@pytest.fixture(scope="module")
def answers_alone(receiver):
    """The answers to the ten questions while the store has one sender."""
    return answer_questions(receiver)


@pytest.fixture(scope="module")
def two_senders(receiver, answers_alone):  # noqa: ARG001 - they are asked before
    """The receiver, whose store has each notification of another sender, too."""
    archive = receiver.data_dir / "another_sender.jsonl"
    rows = receiver.sql("SELECT * EXCLUDE (signature, seq, duplicate_of) FROM notifications ORDER BY seq")
    with archive.open("w") as file:
        file.writelines(json.dumps(line_of_another_sender(row)) + "\n" for row in rows)
        file.write(json.dumps(line_of_another_sender(rows[-1]) | {"event": "till.opened"}) + "\n")
    command(receiver, "import", str(archive), "--signatures", "record")
    until(lambda: receiver.sql(COUNT) == [{"n": 2 * len(rows) + 1}], what="the notifications of another sender")
    return receiver


def line_of_another_sender(row):
    """Return a line of an archive with a notification once more, as of a sender that has the state in `data`."""
    body = json.loads(row["payload"])
    names = ("category", "action", "account_alias", "entity_id", "actor", "signature_status")
    told = {name: row[name] for name in names}
    return {
        "received_at": row["received_at"].isoformat(),
        "sender": "generic-hmac",
        "event": row["event_type"] or row["category"],
        "source_ip": row["source_ip"],
        "body": json.dumps({**body, "data": body}),
        "row": {**told, "occurred_at": row["occurred_at"].isoformat(), "proof": "shared-secret"},
    }


def answer_questions(receiver):
    """Return the rows of each SQL cell of the ten questions, in any order."""
    values = {"most": 10, "days": 9, "field": "Cost Center"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLC_QUERY_TOKEN", receiver.token)
        client = analytics.connect(receiver.query_url)
    with client:
        return [
            sorted(map(str, client.sql(sql, {name: values[name] for name in values if f"${name}" in sql}).to_pylist()))
            for sql in list_questions()
        ]


def list_questions():
    """Return the SQL of the ten questions."""
    cells = (cell.source.partition("\n") for cell in code_cells(DIRECTORY / "adhoc.ipynb"))
    return [sql for magic, _, sql in cells if magic.startswith("%%clc") and "json_keys" not in sql]


def other_findings(until):
    """Yield lines of an archive with later findings that fit no story: a new account whose servers one user deletes."""
    account = {"accountAlias": "NEWA", "businessName": "New", "parentAlias": "DEMO", "status": "Active"}
    yield line("Account.Created", until - timedelta(minutes=50), account)
    names = [f"WA1NEWAWEB{number:02}" for number in range(12)]
    for minutes, event, status in ((40, "Server.Created", "active"), (5, "Server.Updated", "queuedForDelete")):
        for number, name in enumerate(names):
            at = until - timedelta(minutes=minutes, seconds=-number)
            yield line(event, at, server(name, status, f"{at:%Y-%m-%dT%H:%M:%SZ}"))


def server(name, status, moment):
    return {
        "name": name, "status": status, "details": {"cpu": 2},
        "changeInfo": {"modifiedBy": "tidy.up", "modifiedDate": moment},
        "links": [{"rel": "account", "id": "newa"}],
    }  # fmt: skip


def line(event, at, body):
    text = json.dumps(body)
    headers = signed(text.encode())
    return {"received_at": at.isoformat(), "event": event, "source_ip": "192.0.2.7", "headers": headers, "body": text}


def command(receiver, *arguments):
    env = environment(receiver.data_dir)
    run_program("receiver", *arguments, env=env, cwd=receiver.data_dir).check_returncode()


@pytest.fixture(scope="module")
def executed(two_senders, tmp_path_factory):
    """Runs a notebook once, and returns its cells with their outputs."""
    receiver = two_senders

    @cache
    def execute(path):
        env = environment(receiver.data_dir, CLC_QUERY_LISTEN=receiver.query_url.removeprefix("http://"))
        env["PYTHONPATH"] = os.pathsep.join(filter(None, [str(DIRECTORY.parent), env.get("PYTHONPATH")]))
        directory = tmp_path_factory.mktemp(path.stem)
        done = directory / path.name
        command = [sys.executable, "-m", "jupyter", "execute", f"--output={done}", "--timeout=120", str(path)]
        ran = subprocess.run(command, env=env, cwd=directory, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
        return code_cells(done)

    return execute


@pytest.mark.full
@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_from_top_to_bottom_on_a_live_receiver(executed, path):
    cells = executed(path)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert not [output for cell in cells for output in cell.outputs if output.output_type == "error"]
    tables = [output for cell in cells for output in cell.outputs if "text/html" in output.get("data", {})]
    assert len(tables) >= 3


@pytest.mark.full
@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_charts_are_in_an_exported_notebook_without_a_network(executed, path):
    outputs = [output.get("data", {}) for cell in executed(path) for output in cell.outputs]
    charts = [data for data in outputs if "image/svg+xml" in data]
    assert charts
    assert all(chart["application/vnd.vegalite.v5+json"]["$schema"].endswith("/v5.json") for chart in charts)
    notebook = nbformat.v4.new_notebook(cells=executed(path))
    page, _ = HTMLExporter(template_name="lab").from_notebook_node(notebook)
    pictures = re.findall(r'<img[^>]*src="data:image/svg\+xml;base64,', page)
    assert len(pictures) == len(charts)
    assert "vega-embed" not in page


@pytest.mark.full
@pytest.mark.slow
def test_the_sentences_of_findings_and_the_columns_of_changes_are_not_cut(executed):
    tables = [
        output.data["text/html"]
        for cell in executed(DIRECTORY / "audit.ipynb")
        for output in cell.outputs
        if "text/html" in output.get("data", {})
    ]
    (sentences,) = [table for table in tables if "<th>sentence</th>" in table]
    assert "..." not in sentences
    changes = next(table for table in tables if "<th>new_value</th>" in table)
    assert max(map(len, re.findall(r"<td>(.*?)</td>", changes))) <= 40


@pytest.mark.full
@pytest.mark.slow
def test_the_bars_of_the_first_chart_are_wide_enough_to_see(executed):
    (chart,) = [
        output.data["image/svg+xml"]
        for cell in executed(DIRECTORY / "activity.ipynb")
        for output in cell.outputs
        if "mark_bar" in cell.source and "image/svg+xml" in output.get("data", {})
    ]
    widths = [float(width) for width in re.findall(r'd="M[\d.]+,[\d.]+h([\d.]+)v[\d.]+h-', chart)]
    assert len(widths) > 10
    assert min(widths) > 2


@pytest.mark.full
@pytest.mark.slow
def test_the_first_chart_has_a_colour_for_each_event_type_of_each_sender(executed):
    (chart,) = [
        output.data["application/vnd.vegalite.v5+json"]
        for cell in executed(DIRECTORY / "activity.ipynb")
        for output in cell.outputs
        if "mark_bar" in cell.source and "image/svg+xml" in output.get("data", {})
    ]
    scale = chart["encoding"]["color"]["scale"]
    (rows,) = chart["datasets"].values()
    assert set(scale["domain"]) == {row["event_type"] for row in rows} > {"till.opened", "Server.Updated"}
    assert len(scale["range"]) == len(scale["domain"])


@pytest.mark.full
@pytest.mark.slow
def test_the_three_investigations_end_with_what_the_stories_told(executed):
    # Jupyter may split the text that a cell prints into several outputs.
    texts = (
        "".join(output.text for output in cell.outputs if output.output_type == "stream")
        for cell in executed(DIRECTORY / "audit.ipynb")
    )
    printed = [" ".join(text.split()) for text in texts if text]
    built = r"\S+ opened \w+, built 16 servers within \d\d minutes, and was stopped after 1\d\d minutes\."
    stolen = (
        r"Not \S+: at 0[12]:\d\d somebody else got that password\. They took over 6 more users, went into 2 accounts "
        r"where the administrator never was, 1 of them of another branch, opened 5 servers, and deleted 12\."
    )
    opened = (
        r"\S+ of \w+ made \w+ public as 203\.0\.113\.240 at \S+ 16:[34]\d UTC: that user made 1 of its \d\d changes\."
    )
    answers = [built, stolen, opened]
    assert len(printed) == len(answers)
    for answer, text in zip(answers, printed, strict=True):
        assert re.fullmatch(answer, text), text


@pytest.mark.full
@pytest.mark.slow
def test_each_of_the_ten_questions_has_an_answer(executed):
    path = DIRECTORY / "adhoc.ipynb"
    text = "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells)
    assert re.findall(r"^## (\d+)\. .*\?$", text, re.MULTILINE) == [str(number) for number in range(1, 11)]
    cells = {cell.id: cell for cell in executed(path)}
    answers = ["public", "disks", "places", "systems", "countries", "users", "alerts", "centres", "unwatched", "grown"]
    for name in answers:
        (output,) = cells[name].outputs
        assert {"text/html", "image/svg+xml"} & set(output.data), name
        assert "Empty" not in output.data["text/plain"], name
    assert re.search(r"203\.0\.113\.240\b", cells["public"].outputs[0].data["text/plain"])
    assert "mailbox.example" in cells["users"].outputs[0].data["text/plain"]
    assert "<svg" in cells["alerts"].outputs[0].data["image/svg+xml"]


@pytest.mark.full
@pytest.mark.slow
def test_another_sender_with_the_same_names_changes_no_answer_to_the_ten_questions(two_senders, answers_alone):
    assert len(answers_alone) == 10
    assert all(answers_alone)
    assert answer_questions(two_senders) == answers_alone


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs cells of a notebook on a store of some rows, and returns the notebook's variables."""

    def run_cells(name, cells, rows, changes=(), **variables):
        with analytics.connect(str(build_store(tmp_path / "store.duckdb", rows, changes=changes))) as client:
            monkeypatch.setattr(analytics, "connect", lambda: client)
            variables |= {"client": client, "alt": alt}
            sources = {cell["id"]: cell.source.replace("%load_ext", "#") for cell in code_cells(DIRECTORY / name)}
            for cell in cells:
                exec(sources[cell], variables)
        return variables

    return run_cells


def tell_stories(directory):
    """Make a store of eight days in which the stories of the notebooks are told."""
    return store_of(directory, Simulation(7).make_history(8, time.time(), 200, STORIES))


def make_github_alone(directory):
    """Make a store of GitHub's notifications alone, with findings of their rules."""
    now = datetime.now(UTC)
    rows = [
        Row("issues.opened", "Acme", "Acme/web#1", {"action": "opened"}, now, actor="ann", sender="github"),
        Row("repository.edited", "Acme", "Acme/web", {"action": "edited"}, now, actor="ann", sender="github"),
    ]
    changes = [Changed(2, "private", "changed", "true", "false")]
    return build_store(directory / "clc.duckdb", rows, changes=changes)


def make_quiet(directory):
    """Make a store of CenturyLink Cloud's notifications without a finding."""
    at = datetime.now(UTC)
    return build_store(directory / "clc.duckdb", [account("ACME", "Acme", None, received_at=at), server_of(2048, at)])


def make_empty(directory):
    return build_store(directory / "clc.duckdb", [])


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
@pytest.mark.parametrize("make", [tell_stories, make_github_alone, make_quiet, make_empty])
def test_each_cell_runs_after_those_above_it_on_any_store(monkeypatch, tmp_path, capsys, make, path):
    file = str(make(tmp_path))
    connect, shell = analytics.connect, InteractiveShell(ipython_dir=str(tmp_path))
    shell.history_manager.enabled = False
    monkeypatch.setattr(analytics, "connect", lambda: connect(file))
    for cell in code_cells(path):
        shell.run_cell(cell.source.replace("%%clc", f"%%clc --location {file}", 1)).raise_error()
    if path.stem == "audit":
        lacking = re.findall(
            r"Nothing in the last 35 days fits the story ([\w-]+): the top of", capsys.readouterr().out
        )
        assert lacking == ([] if make is tell_stories else STORIES)


def test_a_server_that_shrank_has_not_grown_because_a_notification_was_late(tmp_path):
    now = datetime.now(UTC)
    rows = [server_of(memory, now - timedelta(days=days)) for memory, days in ((2048, 1), (16384, 3))]
    (sql,) = [cell.source.partition("\n")[2] for cell in code_cells(DIRECTORY / "adhoc.ipynb") if cell.id == "grown"]
    with analytics.connect(str(build_store(tmp_path / "store.duckdb", rows))) as client:
        assert client.sql(sql).num_rows == 0


def server_of(memory, at):
    body = {"details": {"memoryMB": memory}}
    return Row("Server.Updated", "ACME", "WA1ACMEWEB01", body, datetime.now(UTC), actor="ann", occurred_at=at)


def test_a_server_is_opened_to_the_internet_by_a_public_address_alone(run):
    now = datetime.now(UTC)
    changes = [
        Changed(1, "details.ipAddresses[10.1.0.1]", "added", None, '{"internal": "10.1.0.1"}'),
        Changed(1, "details.ipAddresses[10.1.0.2]", "added", None, '{"internal": "10.1.0.2", "public": "203.0.113.2"}'),
        Changed(1, "details.ipAddresses[10.1.0.3].public", "added", None, '"203.0.113.3"'),
        Changed(2, "details.ipAddresses[10.1.0.3]", "removed", '{"public": "203.0.113.3"}', None),
    ]
    rows = [server_of(2048, now - timedelta(hours=hours)) for hours in (2, 1)]
    day = {"actor": "ANN", "since": now - timedelta(days=1), "until": now}
    opened = run("audit.ipynb", ["administrator-addresses"], rows, changes, day=day)["opened"]
    closed = {row.path[-10:]: not pd.isna(row.closed_at) for row in opened.itertuples()}
    assert closed == {"[10.1.0.2]": False, ".3].public": True}


def test_the_rarest_of_many_event_types_are_one_in_the_legend(run):
    names, now = [f"type {number:02}" for number in range(30)], datetime.now(UTC)
    counted = pd.DataFrame({"begin": now, "finish": now, "event_type": names, "notifications": range(30)})
    drawn = run("activity.ipynb", ["types-chart"], [], by_type=counted)["by_type"]
    assert set(drawn["event_type"]) == {*names[10:], "others"}
    assert drawn["notifications"].sum() == sum(range(30))


def test_accounts_with_the_same_numbers_share_a_line(run):
    now = datetime.now(UTC)
    long_ago = now - timedelta(days=60)
    rows = [account("A", "A", None, received_at=now), account("B", "B", "A", received_at=long_ago)]
    rows.append(account("C", "C", "B", received_at=now))
    lines = run("activity.ipynb", ["accounts"], rows)["by_account"]
    assert dict(zip(lines["account"], lines["notifications"], strict=True)) == {"A": 2, "B, C": 1}


def test_an_account_is_drawn_at_zero_on_a_day_without_its_notifications_or_any(run):
    now = datetime.now(UTC)
    days = {"A": (4, 3, 0), "B": (4, 0)}
    rows = [account(alias, alias, None, received_at=now - timedelta(days=day)) for alias in days for day in days[alias]]
    drawn = run("activity.ipynb", ["accounts"], rows)["drawn"].sort_values(["account", "begin"])
    assert drawn["account"].tolist() == ["A"] * 5 + ["B"] * 5
    assert drawn["notifications"].tolist() == [1, 1, 0, 0, 1, 1, 0, 0, 0, 1]


def test_accounts_that_are_each_others_parents_count_with_each_other(run):
    now = datetime.now(UTC)
    rows = [account("EGG", "EGG", "HEN", received_at=now), *[account("HEN", "HEN", "EGG", received_at=now)] * 2]
    lines = run("activity.ipynb", ["accounts"], rows)["by_account"]
    assert lines[["account", "notifications"]].to_numpy().tolist() == [["EGG, HEN", 3]]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_lies_in_the_repository_without_outputs_and_with_an_id_for_each_cell(path):
    notebook = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    assert (notebook.nbformat, notebook.nbformat_minor >= 5) == (4, True)
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code_cells(path))
    ids = [cell["id"] for cell in notebook.cells]
    assert len(set(ids)) == len(ids)


def test_there_are_three_notebooks():
    assert [path.stem for path in NOTEBOOKS] == ["activity", "adhoc", "audit"]
