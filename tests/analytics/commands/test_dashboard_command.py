"""`clc-analytics dashboard`: where it listens."""

import pytest

from analytics.cli import run


@pytest.mark.parametrize("address", ["", " "])
def test_an_empty_address_is_wrong_usage_because_it_would_be_all_addresses(monkeypatch, capfd, address):
    monkeypatch.setattr("os.execv", lambda *_: pytest.fail("It started."))
    assert run(["dashboard", "--no-browser", "--address", address]) == 2
    assert "Invalid value for '--address': it is empty: name an address, 0.0.0.0 for all" in capfd.readouterr().err


@pytest.mark.parametrize("address", ["ä..b", "\udcff"])
def test_an_address_that_can_be_no_hosts_name_is_told(monkeypatch, capfd, address):
    monkeypatch.setattr("os.execv", lambda *_: pytest.fail("It started."))
    assert run(["dashboard", "--no-browser", "--address", address]) == 1
    assert "(no host can have this name); choose another with --port and --address." in capfd.readouterr().err
