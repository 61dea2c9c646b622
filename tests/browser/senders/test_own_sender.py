"""A store with notifications of an in-house sender alone, which a profile describes: pages use the words of that."""

import hmac
import json
import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import a_live_one
from tests.browser.watching import column, row_of
from tests.support.processes import Sender
from tests.support.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("tabs")]

SECRET = "0123456789abcdef0123456789abcdef"
PROFILE = """
name = "acme"
title = "Acme billing"
documentation = "https://wiki.example/billing"
example_secret = "an example, never in use"

[verification]
type = "hmac"
header = "X-Acme-Signature"

[columns]
event_type = "/event"
account_alias = "/customer"
entity_id = "/invoice/id"
actor = "/by"

[state]
at.invoice = "/invoice"

[words]
account = "customer"
accounts = "customers"

[setup]
steps = ["Write {url} into billing.ini."]
"""


def body_of(status):
    invoice = {"id": "inv-17", "status": status}
    return json.dumps({"event": "invoice.moved", "customer": "C-17", "by": "jo", "invoice": invoice}).encode()


def signed(body, secret=SECRET):
    return {"X-Acme-Signature": hmac.new(secret.encode(), body, "sha256").hexdigest()}


@pytest.fixture(scope="module")
def live(browser, tmp_path_factory):  # noqa: ARG001 - without one there is nothing to start
    profiles = tmp_path_factory.mktemp("profiles")
    (profiles / "acme.toml").write_text(PROFILE)
    data_dir = tmp_path_factory.mktemp("own") / "data"
    with a_live_one(data_dir, CLC_SENDERS=str(profiles), CLC_SECRET_ACME=SECRET) as started:
        sender = Sender(started.receiver.url)
        for status in ("open", "awaiting payment"):
            assert sender.post("/senders/acme", body_of(status), signed(body_of(status))).status == 200
        assert sender.post("/senders/acme", b"{}", signed(b"{}", "another secret")).status == 401
        assert sender.post("/senders/acme", b"{}", {}).status == 401
        assert sender.post("/senders/nobody", b"{}", {}).status == 404
        until(lambda: started.one("SELECT count(*) FROM changes") >= 2, what="the changes")
        started.until_refused(3)
        yield started


def open_page(watch, live, address, **options):
    """Open a page once the dashboard has learned of the sender: its own event is among the types of Activity."""
    first = watch(live.url).open("/activity?range=all")
    expect(row_of(first, "types-list", "invoice.moved")).to_be_visible()
    return watch(live.url, **options).open(address)


@pytest.mark.full
def test_refused_notifications_name_the_sender_the_reason_and_what_to_look_at(live, watch):
    page = open_page(watch, live, "/notifications?list=Refused")
    wrong = row_of(page, "reasons", "Signature does not fit · Acme billing")
    expect(wrong).to_contain_text("The signature of Acme billing is not valid: the signature fits no secret.")
    expect(wrong).to_contain_text("CLC_SECRET_ACME")
    unsigned = row_of(page, "reasons", "Unsigned · Acme billing")
    expect(unsigned).to_contain_text("sets the header X-Acme-Signature, and whether a proxy drops it.")
    expect(row_of(page, "reasons", "Address names no sender")).to_contain_text("names no sender that is set up here")
    wrong.locator("button").first.click()
    expect(page.locator(".st-key-refused-list tbody tr")).to_have_count(1)
    page.locator(".st-key-refused-list tbody tr td").nth(1).click()
    expect(page.locator(".st-key-detail")).to_contain_text("the signature fits no secret")
    expect(page.locator(".st-key-detail")).to_contain_text("CLC_SECRET_ACME")


@pytest.mark.full
def test_an_account_is_called_as_the_profile_says(live, watch):
    page = open_page(watch, live, "/activity?range=all")
    expect(page.locator(".st-key-accounts-head")).to_contain_text("Customers")
    page = watch(live.url).open("/notifications")
    expect(page.get_by_role("combobox", name="Customer")).to_have_attribute("placeholder", "All customers")
    column(page, 1).first.click()
    page.get_by_role("button", name="Customer C-17").click()
    expect(page.locator(".st-key-detail-name")).to_have_text(re.compile(r"customer\s*C-17$"))
    expect(page.locator(".st-key-detail-name")).not_to_contain_text("None")


@pytest.mark.full
def test_the_hint_of_the_search_has_the_right_article(live, watch):
    page = open_page(watch, live, "/entity")
    expect(page.get_by_role("textbox", name="Name contains")).to_have_attribute(
        "placeholder", "part of an invoice name"
    )


@pytest.mark.full
def test_set_up_begins_with_the_sender_that_sent_and_with_its_steps(live, watch):
    page = open_page(watch, live, "/set-up")
    expect(page.locator(".st-key-how-to")).to_contain_text("/senders/acme into billing.ini.")
    expect(page.locator(".st-key-last-acme")).to_contain_text("received")
    heading = page.locator("strong", has_text=re.compile(r"^CenturyLink Cloud$"))
    parts = [page.locator(f".st-key-{key}") for key in ("last-acme", "last-github", "targets")]
    tops = [part.bounding_box()["y"] for part in (*parts[:2], heading, parts[2])]
    assert tops == sorted(tops)


@pytest.mark.full
def test_the_list_of_notifications_has_room_for_what_changed(live, watch):
    page = open_page(watch, live, "/notifications", viewport={"width": 1280, "height": 800})
    cell = column(page, 4).first
    expect(cell).to_have_text("changed the status from open to “awaiting payment”")
    assert cell.evaluate("cell => cell.scrollWidth <= cell.clientWidth")
