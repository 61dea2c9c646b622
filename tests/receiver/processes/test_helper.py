"""A process that helps the store says in its last line what came of its work."""

import json
import os

import pytest

from receiver.errors import ObjectsError
from receiver.processes import helper
from receiver.processes.helper import run_helper


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ObjectsError("The place is away.\nReally."), "The place is away."),
        (OSError(), "OSError"),
        (KeyError("a name that nobody may read"), "an error in this program (KeyError): the log says where."),
    ],
)
def test_a_helper_whose_work_fails_says_why_and_quotes_no_data(monkeypatch, capsys, caplog, error, said):
    def fail(_settings):
        raise error

    monkeypatch.setattr(os, "nice", lambda _: 0)
    monkeypatch.setattr(helper, "set_up_logging", lambda *_: None)
    with pytest.raises(SystemExit) as ended:
        run_helper("lake", fail)
    assert (ended.value.code, json.loads(capsys.readouterr().out)) == (1, {"error": said})
    assert bool(caplog.records) == isinstance(error, KeyError)
