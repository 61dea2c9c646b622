"""From what is found to what proves it and back: a finding, a change and a step lead to the notification itself."""

import base64
import json
import re

import pytest
from playwright.sync_api import expect

from tests.browser.audited import PUBLIC, SERVER, ago, server
from tests.browser.watching import download, go_back, row_of
from tests.support.keys import signed
from tests.support.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.full, pytest.mark.usefixtures("tabs")]


@pytest.fixture(scope="module")
def live(audited):
    return audited


def that_added_it(live):
    """Return the notification that added the public address: its number, and its body as received."""
    found = live.receiver.sql(
        "SELECT seq, payload::VARCHAR AS payload FROM notifications WHERE entity_id = ? AND contains(payload, ?) "
        "ORDER BY seq LIMIT 1",
        [SERVER, PUBLIC],
    )
    return found[0]["seq"], found[0]["payload"]


def expect_opened(page, seq, body):
    expect(page.locator(".st-key-title h3")).to_have_text("Notifications")
    expect(page).to_have_url(re.compile(rf"/notifications\?.*seq={seq}\b"))
    expect(page.locator(".st-key-detail .st-key-verdict")).to_contain_text("Verified")
    # Until the new page is drawn, what the one before had is still there.
    expect(page.locator(".st-key-download-body")).to_have_count(1)
    data, _ = download(page, page.get_by_role("button", name="Download body"))
    assert data == body.encode()


def test_a_step_has_its_body_its_signature_and_its_curl_and_leads_to_its_notification_and_back(live, watch):
    seq, body = that_added_it(live)
    page = watch(live.url).open(f"/entity?refresh=off&category=Server&name={SERVER}&step={seq}")
    expect(page.locator(".st-key-detail .st-key-verdict")).to_contain_text("Verified")
    data, _ = download(page, page.locator(".st-key-step-evidence").get_by_role("button", name="Download body"))
    assert data == body.encode()
    page.get_by_role("button", name="Signature").click()
    expect(page.locator(".st-key-plain-signature code")).to_have_text(signature_of(body))
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Copy as curl").click()
    expect(page.locator(".st-key-curl-command code")).to_contain_text(signature_of(body))
    page.keyboard.press("Escape")
    page.locator(".st-key-open-notification button").click()
    expect_opened(page, seq, body)
    page.locator(".st-key-open-step button").click()
    expect(page.locator(".st-key-step-head")).to_contain_text("Server.Updated")
    expect(page).to_have_url(re.compile(rf"/entity\?.*step={seq}\b"))


def signature_of(body):
    (value,) = (value for name, value in signed(body.encode()).items() if name.lower() == "tier3-rsasha1")
    assert len(base64.b64decode(value)) == 256
    return value


def test_a_finding_leads_to_the_notifications_that_are_its_evidence(live, watch):
    seq, body = that_added_it(live)
    page = watch(live.url).open("/audit?refresh=off&range=all&findings=all")
    row_of(page, "findings", PUBLIC).locator("td").nth(1).click()
    row_of(page, "finding-notifications", f"no. {seq}").get_by_role("button", name=f"no. {seq}").click()
    expect_opened(page, seq, body)
    go_back(page, "Audit")
    expect(page.locator(".st-key-finding-notifications tbody tr")).not_to_have_count(0)


def test_a_change_leads_to_the_notification_that_made_it(live, watch):
    seq, body = that_added_it(live)
    page = watch(live.url).open(f"/audit?refresh=off&range=all&entity={SERVER}")
    row_of(page, "changes", PUBLIC).get_by_role("button", name=f"no. {seq}").click()
    expect_opened(page, seq, body)
    assert json.loads(body)["name"] == SERVER


def test_a_body_that_is_sent_again_as_another_event_says_when_it_came_and_leads_to_its_findings(live, watch):
    name = "WA1ACMEOLD01"
    body = json.dumps(server(ago(20), "SVC_OPS", name=name)).encode()
    before = live.one("SELECT count(*) FROM notifications")
    for event in ("Server.Updated", "Server.Deleted"):
        assert live.receiver.sender.post(f"/webhooks/{event}", body).status == 200
    until(lambda: live.one("SELECT count(*) FROM notifications") == before + 2, what="both in the store")
    seq = live.one("SELECT max(seq) FROM notifications WHERE entity_id = ?", name)

    page = watch(live.url).open(f"/entity?refresh=off&category=Server&name={name}&step={seq}")
    expect(row_of(page, "steps", "Server.Deleted")).to_contain_text(
        re.compile(r"deleted server; (19 h 59 min|20 h).* late$")
    )
    expect_replayed(page)
    page = watch(live.url).open("/entity?refresh=off&category=User&name=SVC_OPS")
    act = row_of(page, "acts", "deleted server").filter(has_text=name)
    expect(act.locator("td.notice")).to_have_text(
        re.compile("(Signature used again|Body of another event).*; deleted server; .* late$")
    )
    expect(page.locator(".st-key-acts-head")).to_contain_text("of which a finding doubts")
    page = watch(live.url).open(f"/notifications?refresh=off&seq={seq}")
    expect_replayed(page)
    page.locator(".st-key-findings-of button", has_text="Signature used again").first.click()
    expect(page.locator(".st-key-title h3")).to_have_text("Audit")
    expect(page.locator(".st-key-detail")).to_contain_text(f"Server.Updated of {name} was replayed as Server.Deleted")
    expect(page.locator(".st-key-detail")).to_contain_text("2 notifications behind this finding")
    expect(page.locator(".st-key-finding-advice a").first).to_have_attribute("href", re.compile("^https://"))


def expect_replayed(page):
    expect(page.locator(".st-key-verdict")).to_contain_text("It covers the body, not the event or the time.")
    expect(page.locator(".st-key-receipt")).to_contain_text(re.compile(r"Occurred .*, received .* later, from"))
    expect(page.locator(".st-key-findings-of")).to_contain_text(re.compile(r"In \d findings"))


def test_a_signature_is_saved_as_its_bytes(live, watch):
    seq, body = that_added_it(live)
    page = watch(live.url).open(f"/notifications?refresh=off&seq={seq}")
    page.get_by_role("button", name="Signature").click()
    data, name = download(page, page.get_by_role("button", name="Download signature"))
    assert (data, name) == (base64.b64decode(signature_of(body)), f"Server.Updated-{seq}.sig")
