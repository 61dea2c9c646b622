"""The page Activity of a store, drawn without a browser."""

import pytest

from tests.support.dashboard_app import make_app


@pytest.fixture
def open_activity(store, monkeypatch, tmp_path):
    """Draw the page of a module's `store`, with parameters of its address."""
    monkeypatch.chdir(tmp_path)

    def run(**parameters):
        app = make_app(monkeypatch, "activity", store, **parameters).run()
        assert not app.exception
        return app

    return run
