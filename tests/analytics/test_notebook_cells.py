"""The cells of the notebooks, from top to bottom in a shell without a kernel, on a simulated DuckDB file."""

import time

import pytest
from IPython.core.interactiveshell import InteractiveShell

import analytics
from receiver.simulator.history import Simulation
from tests.analytics.test_notebook import NOTEBOOKS, STORIES, code_cells
from tests.receiver.simulator.test_stories import store_of


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """A store of eight days in which the stories of the notebooks are told."""
    history = Simulation(7).make_history(8, time.time(), 200, STORIES)
    return str(store_of(tmp_path_factory.mktemp("simulated"), history))


@pytest.fixture
def shell(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    made = InteractiveShell()
    made.history_manager.enabled = False
    return made


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_each_cell_runs_after_those_above_it(shell, file, monkeypatch, path):
    connect = analytics.connect
    monkeypatch.setattr(analytics, "connect", lambda: connect(file))
    for cell in code_cells(path):
        shell.run_cell(cell.source.replace("%%clc", f"%%clc --location {file}", 1)).raise_error()
