"""A page of SQL in a browser that was never there."""

import pytest


@pytest.fixture(scope="module", autouse=True)
def _something_came_before(live):
    live.simulate("--count", "200", "--rate", "0", "--seed", "3")


@pytest.fixture
def page(live, watch):
    page = watch(live.url).open("/sql")
    page.evaluate("localStorage.clear(); dispatchEvent(new Event('storage'))")  # as a browser that was never here
    return page
