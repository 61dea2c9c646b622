"""A store with notifications of an in-house sender alone, which a profile describes: pages use the words of that."""

import hmac
import json

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import a_live_one
from tests.browser.watching import row_of
from tests.support.processes import Sender
from tests.support.waiting import until

pytestmark = pytest.mark.browser

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


def test_refused_notifications_name_the_sender_the_reason_and_what_to_look_at(live, watch):
    page = watch(live.url).open("/notifications?list=Refused")
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
