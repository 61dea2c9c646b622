"""A process that helps the store says in its last line what came of its work."""

import json
import os

import pytest

from receiver.errors import ObjectsError
from receiver.processes import helper
from receiver.processes.helper import run_helper


@pytest.fixture(autouse=True)
def _in_this_process(monkeypatch):
    monkeypatch.setattr(os, "nice", lambda _: 0)
    monkeypatch.setattr(helper, "set_up_logging", lambda *_: None)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ObjectsError("The place is away.\nReally."), "The place is away."),
        (OSError(), "OSError"),
        (KeyError("a name that nobody may read"), "an error in this program (KeyError): the log says where."),
    ],
)
def test_a_helper_whose_work_fails_says_why_and_quotes_no_data(capsys, caplog, error, said):
    def fail(_settings):
        raise error

    with pytest.raises(SystemExit) as ended:
        run_helper("lake", fail)
    assert (ended.value.code, json.loads(capsys.readouterr().out)) == (1, {"error": said})
    assert bool(caplog.records) == isinstance(error, KeyError)


def test_a_helper_whose_store_is_gone_ends_in_silence(monkeypatch, caplog):
    def fail(_line):
        raise BrokenPipeError

    monkeypatch.setattr(helper, "print_line", fail)
    with pytest.raises(SystemExit):
        run_helper("lake", lambda _settings: {})
    assert caplog.records == []
