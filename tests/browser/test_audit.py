"""The page Audit: findings, their evidence, and marks as seen."""

import csv
import json
import re
from datetime import datetime
from urllib.parse import unquote

import pytest
from playwright.sync_api import expect

from analytics.findings.finding import make_finding_id
from tests.browser.audited import ADDED, ALL, NAME, PUBLIC, SERVER, SHOWN, USER, ago, expect_changes, server
from tests.browser.watching import choose, column, download, expect_raw, fill, open_filters, row_of, texts
from tests.support.browsing import a_dashboard
from tests.support.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("tabs")]


ELSEWHERE = "WIDE"


@pytest.fixture(scope="module")
def live(audited):
    return audited


def test_a_finding_leads_to_the_change_the_entity_and_the_payload_and_back(live, watch):
    page = watch(live.url).open(ALL)
    expect(page.locator(".st-key-findings-over-time svg.marks")).to_be_visible()
    row_of(page, "findings", PUBLIC).locator("td").nth(2).click()
    expect(page.locator(NAME)).to_contain_text("Public address")
    expect(page.locator(".st-key-finding-advice")).to_contain_text("Why it matters")
    expect(page.locator(".st-key-finding-advice")).to_contain_text("What to do")
    expect(page).to_have_url(re.compile("finding=[0-9a-f]{64}"))
    finding = page.url.removeprefix(live.url)

    row_of(page, "finding-notifications", f"added public address {PUBLIC}").locator("td").nth(2).click()
    expect(page.locator(NAME)).to_have_text(SERVER)
    seq = live.one("SELECT seq FROM changes WHERE entity_id = ? AND path LIKE '%ipAddresses%'", SERVER)
    expect(page).to_have_url(re.compile(f"/entity\\?category=Server&name={SERVER}&step={seq}&refresh=off$"))
    expect_difference(page)
    expect_raw(page, live.one("SELECT payload FROM notifications WHERE seq = ?", seq))

    page.go_back()
    expect(page.locator(NAME)).to_contain_text("Public address")
    expect(page).to_have_url(re.compile(re.escape(finding.partition("&finding=")[2])))
    expect(page.get_by_role("combobox", name="Time range")).to_have_value("all")


@pytest.mark.full
def test_the_addresses_of_a_finding_and_of_its_change_open_them_in_a_fresh_browser(live, watch):
    page = watch(live.url).open(ALL)
    row_of(page, "findings", PUBLIC).locator("td").nth(2).click()
    expect(page).to_have_url(re.compile("finding=[0-9a-f]{64}"))
    finding = page.url.removeprefix(live.url)
    row_of(page, "finding-notifications", f"added public address {PUBLIC}").locator("td").nth(2).click()
    expect(page.locator(NAME)).to_have_text(SERVER)
    expect(page).to_have_url(re.compile(r"/entity\?.*step=\d+"))
    step = page.url.removeprefix(live.url)

    fresh = watch(live.url).open(step)
    expect(fresh.locator(NAME)).to_have_text(SERVER)
    expect_difference(fresh)
    fresh = watch(live.url).open(finding)
    expect(fresh.locator(NAME)).to_contain_text("Public address")
    expect(row_of(fresh, "finding-notifications", SERVER)).to_be_visible()


@pytest.mark.full
def test_findings_that_were_marked_as_seen_are_hidden_in_this_browser_until_they_are_shown(live, watch):
    page, head = watch(live.url, locale="en").load(ALL), ".st-key-findings-head"
    count = int(re.match(r"(\d+) findings?:", page.locator(head).inner_text())[1])
    page.get_by_role("button", name=f"Mark all {count} as seen").click()
    expect(page.locator(head)).to_contain_text("0 new findings")
    page.wait_for_function("() => document.cookie.includes('clc_seen=')")  # a script of the page puts it there
    page.reload()
    expect(page.locator(".st-key-nothing-new")).to_be_visible()
    expect(page.locator(".st-key-mark-seen")).to_have_count(0)
    page.goto(f"{live.url}/?refresh=off&range=all")
    expect(page.locator(".st-key-sign-findings")).to_have_text(re.compile(f"0 new of {count} finding"))
    page.goto(live.url + ALL)
    page.get_by_role("button", name=f"Show {count} seen").click()
    expect(page.locator(head)).to_contain_text(f"{count} findings")
    expect(page.get_by_role("button", name="Hide what I have seen")).to_be_visible()

    # What is received later is new.
    (cookie,) = [cookie for cookie in page.context.cookies() if cookie["name"] == "clc_seen"]
    earlier = re.sub(r"(?<=received=)\d+", lambda match: str(int(match[0]) - 1), cookie["value"])
    page.context.add_cookies([{**cookie, "value": earlier}])
    page.goto(live.url + ALL)
    expect(page.locator(head)).to_contain_text(re.compile(r"[1-9]\d* new finding"))
    expect(page.locator(".st-key-findings tbody tr").first).to_be_visible()
    expect(page.get_by_role("button", name=re.compile(r"Mark all \d+ as seen"))).to_be_visible()


@pytest.mark.full
def test_with_a_filter_the_button_says_what_it_marks_as_seen_and_what_the_filter_hides_stays_new(live, watch):
    page, head = watch(live.url, locale="en").load(ALL), ".st-key-findings-head"
    count = int(re.match(r"(\d+) findings:", page.locator(head).inner_text())[1])
    fill(page, "Entity contains", SERVER)
    button = page.get_by_role("button", name=re.compile(rf"Mark these \d+ as seen: entity {SERVER}"))
    some = int(re.search(r"these (\d+)", button.inner_text())[1])
    button.click()
    expect(page.locator(head)).to_contain_text("0 new findings")
    open_filters(page).get_by_role("button", name="Clear filters", exact=True).click()
    expect(page.locator(head)).to_contain_text(f"{count - some} new finding")
    expect(page.get_by_role("button", name=f"Mark all {count - some} as seen")).to_be_visible()


def expect_difference(page):
    expect(column(page, 0, "differences")).to_have_text([re.compile(r"details\.ipAddresses\[10\.1\.2\.3\]")])
    expect(column(page, 2, "differences").first).to_contain_text(PUBLIC)


@pytest.mark.full
def test_a_finding_says_when_and_from_where_its_notifications_came(live, watch):
    page = watch(live.url).open(ALL)
    row_of(page, "findings", PUBLIC).locator("td").nth(2).click()
    expect(row_of(page, "finding-notifications", SERVER)).to_contain_text(
        re.compile(r"received .*, 4 h( \d+ min)? later, from 127\.0\.0\.1")
    )


@pytest.mark.full
def test_a_brush_narrows_findings_and_changes_to_a_range_in_the_address_that_a_button_ends(live, watch):
    page = watch(live.url).open("/audit?refresh=off&range=28+d")
    expect(page.locator(".st-key-findings-over-time svg.marks")).to_be_visible()
    found, changed = (texts(page.locator(f".st-key-{list_}-head strong")) for list_ in ("findings", "changes"))
    expect(page.locator("[data-stale=true]")).to_have_count(0)
    box = page.locator(".st-key-findings-over-time svg.marks").bounding_box()
    across = box["y"] + box["height"] * 0.6
    page.mouse.move(box["x"] + 60, across)
    page.mouse.down()
    page.mouse.move(box["x"] + 200, across, steps=4)
    page.mouse.move(box["x"] + box["width"] * 0.9, across, steps=4)
    page.mouse.up()
    expect(page).to_have_url(re.compile("own=.*range=own|range=own.*own="))
    expect(page.get_by_role("combobox", name="Time range")).to_have_value("own")
    expect(page.locator(".st-key-own-popover")).to_contain_text(" to ")
    since, end = (datetime.fromisoformat(at) for at in unquote(re.search("own=([^&]*Z)", page.url)[1]).split("/"))
    ranged = f"{SHOWN} AND changed_at >= ?::TIMESTAMPTZ AND changed_at < ?::TIMESTAMPTZ"
    expect_changes(page, live.one(ranged, since.isoformat(), end.isoformat()))
    again = watch(live.url).open(page.url.removeprefix(live.url))
    expect(again.get_by_role("combobox", name="Time range")).to_have_value("own")
    expect_changes(again, live.one(ranged, since.isoformat(), end.isoformat()))
    page.locator(".st-key-own-popover button").click()
    page.get_by_role("button", name="Remove this range").click()
    expect(page.get_by_role("combobox", name="Time range")).to_have_value("28 d")
    expect(page).not_to_have_url(re.compile("own"))
    expect(page.locator(".st-key-findings-head strong")).to_have_text(found)
    expect(page.locator(".st-key-changes-head strong")).to_have_text(changed)


@pytest.mark.full
def test_a_finding_from_before_the_time_range_is_opened_by_its_address_too(live, watch):
    page = watch(live.url).open(ALL)
    row_of(page, "findings", PUBLIC).locator("td").nth(2).click()
    expect(page.locator(NAME)).to_contain_text("Public address")
    identity = re.search("finding=([0-9a-f]+)", page.url)[1]
    page = watch(live.url).open(f"/audit?refresh=off&range=1+h&finding={identity}")
    expect(page.locator(NAME)).to_contain_text("Public address")
    page.get_by_role("button", name="Close", exact=True).click()
    expect(page.locator(".st-key-detail")).to_have_count(0)


def test_a_finding_that_is_none_says_so(live, watch):
    page = watch(live.url).open("/audit?refresh=off&finding=0000")
    expect(page.locator(".st-key-detail")).to_contain_text("Not found")


@pytest.mark.full
def test_findings_are_filtered_by_rule_and_both_lists_are_saved_as_they_are_filtered(live, watch):
    page = watch(live.url).open(ALL)
    choose(page, "Rule", "Public address added to a server", typed="Public address")
    expect(page).to_have_url(re.compile("rule=public_address_added"))
    expect(page.get_by_role("button", name="Rule: Public address added to a server")).to_be_visible()
    expect(column(page, 3, "findings")).to_have_text(["Public address added to a server"])
    fill(page, "Entity contains", SERVER.lower())
    expect(page.locator(".st-key-findings-head")).to_contain_text("1 finding: 1 medium")
    (found,) = saved_rows(page, "findings")
    assert (found["rule"], found["entity_id"], found["severity"]) == ("public_address_added", SERVER, "medium")
    changes = saved_rows(page, "changes")
    assert len(changes) == live.one(f"{SHOWN} AND entity_id = ?", SERVER)
    assert ADDED in {change["sentence"] for change in changes}


@pytest.mark.full
def test_rules_of_an_address_are_chosen_and_taken_away_one_by_one_or_all_at_once(live, watch):
    page = watch(live.url).open(f"{ALL}&rule=public_address_added&rule=hidden_user_update")
    expect(page.locator(".st-key-chips")).to_contain_text("Rule: Public address added to a server, H")
    expect(column(page, 2, "findings").filter(has_text=PUBLIC).first).to_be_visible()
    open_filters(page).get_by_role("button", name="Remove Public address added to a server").click()
    expect(page).to_have_url(re.compile("rule=hidden_user_update"))
    expect(page).not_to_have_url(re.compile("public_address_added"))
    expect(column(page, 2, "findings").filter(has_text=PUBLIC)).to_have_count(0)
    page.get_by_role("button", name="Rule: Hidden update of a user").click()
    expect(page).not_to_have_url(re.compile("rule="))
    expect(column(page, 2, "findings").filter(has_text=PUBLIC).first).to_be_visible()


def saved_rows(page, what):
    expect(page.locator("[data-stale=true]")).to_have_count(0)
    data, _ = download(page, page.locator(f".st-key-download-{what} button").first)
    return list(csv.DictReader(data.decode().splitlines()))


@pytest.mark.full
def test_a_change_of_a_replayed_notification_names_its_finding_and_its_receipt_on_the_page_and_in_the_file(live, watch):
    name = "WA1ACMEOLD03"
    body = json.dumps(server(ago(50), "SVC_OPS", name=name, account=ELSEWHERE)).encode()
    later = json.dumps(server(ago(1), "SVC_OPS", name=name, account=ELSEWHERE, cpu=8)).encode()
    stored = live.one("SELECT count(*) FROM notifications")
    for event, sent in (("Server.Updated", body), ("Server.Updated", later), ("Server.Deleted", body)):
        assert live.receiver.sender.post(f"/webhooks/{event}", sent).status == 200
        stored += 1
        until(lambda: live.one("SELECT count(*) FROM notifications") >= stored, what="it in the store")  # noqa: B023
    page = watch(live.url).open(f"{ALL}&entity={name}")
    row = row_of(page, "changes", f"deleted server {name}")
    late = re.compile(rf"deleted server {name}; received .*, 2 d( \d+ h)? later, from 127\.0\.0\.1$")
    expect(row.locator("td").nth(2)).to_have_text(late)
    named = row.locator("td").nth(3)
    expect(named).to_have_attribute("title", re.compile("Signature used again: "))
    expect(named).to_have_attribute("title", re.compile("Body of another event: "))
    assert "" in texts(column(page, 3, "changes")), "the other change is in no finding"
    deleted = next(change for change in saved_rows(page, "changes") if f"deleted server {name}" in change["sentence"])
    assert list(deleted)[-3:] == ["sentence", "received_at", "findings"]
    assert deleted["findings"] == "event_contradicts_body signature_reused"
    assert deleted["received_at"] > deleted["changed_at"]
    named.locator("button").click()
    expect(page.locator(NAME)).to_contain_text(re.compile("Signature used again|Body of another event"))


@pytest.mark.full
def test_a_finding_says_which_of_its_notifications_another_one_doubts_and_an_old_link_leads_to_it(live, watch):
    replayed = server(ago(60), "ELI", name="WA1ACMEGONE01", account=ELSEWHERE)
    sent = [("Server.Updated", replayed), ("Server.Deleted", replayed)]
    for n in range(2, 8):
        name = f"WA1ACMEGONE0{n}"
        sent.append(("Server.Created", server(ago(61), "ELI", name=name, account=ELSEWHERE)))
        sent.append(
            ("Server.Updated", server(ago(60 - n / 100), "ELI", name=name, status="queuedForDelete", account=ELSEWHERE))
        )
    stored = live.one("SELECT count(*) FROM notifications")
    for event, body in sent:
        assert live.receiver.sender.post(f"/webhooks/{event}", json.dumps(body).encode()).status == 200
    until(lambda: live.one("SELECT count(*) FROM notifications") == stored + len(sent), what="them in the store")
    first_id = "SELECT id::VARCHAR FROM notifications WHERE entity_id = 'WA1ACMEGONE02' ORDER BY seq DESC LIMIT 1"
    old = make_finding_id("many_servers_deleted", live.one(first_id))
    page = watch(live.url).open(f"{ALL}&finding={old}")
    expect(page.locator(".st-key-finding-doubt")).to_contain_text("1 of its 7 notifications is doubted: ")
    expect(page.locator(".st-key-detail")).to_contain_text("The linked finding has changed since")
    expect(row_of(page, "finding-notifications", "WA1ACMEGONE01")).to_contain_text(
        re.compile("doubted: .*Body of another event")
    )
    expect(row_of(page, "findings", "ELI deleted 7 servers")).to_contain_text("1 of its 7 notifications is doubted")
    saved = next(each for each in saved_rows(page, "findings") if "ELI deleted 7" in each["sentence"])
    assert saved["doubted"] in saved["notification_ids"].split()


@pytest.mark.full
def test_a_change_names_each_finding_that_its_notification_is_in_and_leads_to_the_first(live, watch):
    page = watch(live.url).open(f"{ALL}&entity={SERVER}&field=public+address")
    named = row_of(page, "changes", ADDED).locator("td").nth(3)
    expect(named).to_have_attribute("title", re.compile("Public address added to a server: "))
    expect(named).to_have_text("◆ medium")
    named.locator("button").click()
    expect(page.locator(".st-key-detail")).to_contain_text("behind this finding")


@pytest.mark.full
def test_a_finding_that_became_known_late_is_told_in_the_range_in_which_it_was_received(live, watch):
    name = "WA1ACMELATE01"
    for hours, public in ((50, {}), (40, {"public": "203.0.113.41"})):
        body = json.dumps(server(ago(hours), "SVC_OPS", name=name, account=ELSEWHERE, **public)).encode()
        assert live.receiver.sender.post("/webhooks/Server.Updated", body).status == 200
    until(lambda: live.one("SELECT count(*) FROM notifications WHERE entity_id = ?", name) == 2, what="it in the store")
    page = watch(live.url).load(f"/audit?range=24+h&refresh=off&entity={name}&rule=public_address_added")
    expect(page.locator(".st-key-findings-head")).to_contain_text("0 findings")
    page.get_by_role("button", name="1 more, of an earlier time").click()
    expect(row_of(page, "findings", "203.0.113.41")).to_be_visible()
    expect(page).to_have_url(re.compile("late=shown"))
    page.get_by_role("button", name="Mark these 1 as seen").click()
    expect(page.locator(".st-key-nothing-new")).to_be_visible()
    page.get_by_role("button", name="Hide those of earlier times").click()
    expect(page.locator(".st-key-show-late")).to_have_count(0)


def replay(live, times):
    """Let one signed body come again under another event, which makes some findings for each server."""
    stored = live.one("SELECT count(*) FROM notifications")
    for number in range(times):
        body = json.dumps(server(ago(50), f"SVC_{number}", name=f"WA1ACMETWICE{number}", account=ELSEWHERE)).encode()
        for event in ("Server.Updated", "Server.Deleted"):
            assert live.receiver.sender.post(f"/webhooks/{event}", body).status == 200
    until(lambda: live.one("SELECT count(*) FROM notifications") == stored + 2 * times, what="them in the store")


@pytest.mark.full
def test_five_findings_of_a_line_each_come_before_the_changes_until_one_asks_for_all(live, watch):
    replay(live, 4)
    page = watch(live.url, viewport={"width": 1280, "height": 800}).open(ALL.removesuffix("&findings=all"))
    rows = page.locator(".st-key-findings tbody tr")
    expect(rows).to_have_count(5)
    expect(page.locator(".st-key-changes tbody tr").nth(5)).to_be_in_viewport()
    assert page.locator(".st-key-findings-over-time").bounding_box()["height"] <= 120
    assert {round(row.bounding_box()["height"]) // 32 for row in rows.all()} == {0}, "each is one line"
    cell = page.locator(".st-key-changes tbody td").first
    assert cell.evaluate("cell => cell.scrollWidth <= cell.clientWidth"), "a time is not cut"
    page.get_by_role("button", name=re.compile(r"^All \d+$")).click()
    expect(rows.nth(5)).to_be_visible()
    expect(page).to_have_url(re.compile("findings=all"))
    page.get_by_role("button", name="First 5").click()
    expect(rows).to_have_count(5)


@pytest.mark.full
def test_findings_are_filtered_by_severity_account_and_entity(live, watch):
    page = watch(live.url).open(f"{ALL}&severity=medium&account=ACME")
    marks = column(page, 0, "findings")
    assert set(texts(marks)) == {"◆ medium"}
    page = watch(live.url).open(f"{ALL}&entity={USER}")
    expect(column(page, 2, "findings").filter(has_text=USER).first).to_be_visible()
    expect(column(page, 2, "findings").filter(has_text=PUBLIC)).to_have_count(0)


@pytest.mark.full
def test_back_leads_from_refused_ones_to_the_notification_of_a_finding(live, watch):
    page = watch(live.url).open(ALL)
    row_of(page, "findings", PUBLIC).locator("td").nth(2).click()
    row_of(page, "finding-notifications", SERVER).get_by_role("button", name=re.compile(r"no\. ")).click()
    expect(page.locator(".st-key-verdict")).to_be_visible()
    notification = page.url
    page.get_by_role("radio", name="Refused").or_(page.get_by_role("button", name="Refused", exact=True)).click()
    expect(page.locator(".st-key-refused-list tbody tr")).to_have_count(1)
    expect(page).to_have_url(re.compile(r"list=Refused\b"))
    expect(page.locator(".st-key-detail")).to_have_count(0)
    page.go_back()
    expect(page).to_have_url(notification)
    expect(page.locator(".st-key-verdict")).to_be_visible()
    expect(page.locator(".st-key-refused-list")).to_have_count(0)


@pytest.mark.full
def test_a_rule_that_can_not_be_run_is_told_quietly_and_stops_no_other(live, watch, tmp_path):
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "broken.sql").write_text("SELECT 1")
    settings = live.receiver.data_dir / ".env"
    settings.write_text(f"CLC_RULES={rules}\n")
    try:
        with a_dashboard(live.receiver.data_dir, live.receiver.query_url) as url:
            page = watch(url).open(ALL)
            expect(page.locator(".st-key-rule-problems")).to_contain_text("1 rule could not be run")
            page.locator(".st-key-rule-problems summary").click()
            expect(page.locator(".st-key-rule-problems")).to_contain_text("broken.sql")
            expect(row_of(page, "findings", PUBLIC)).to_be_visible()
            sign = watch(url).open("/").locator(".st-key-sign-findings button").first
            expect(sign).to_contain_text(re.compile(r"\d findings, 1 rule could not be run"))
    finally:
        settings.unlink()


@pytest.mark.full
def test_where_nothing_fits_it_says_so(live, watch):
    page = watch(live.url).open(f"{ALL}&entity=no-such-entity")
    expect(page.locator(".st-key-no-findings")).to_contain_text("No findings")
    expect(page.locator(".st-key-nothing")).to_contain_text(
        "None matches these filters in this time range. Clear them."
    )
    page = watch(live.url).open(f"{ALL}&entity=no-such-entity".replace("range=all", "range=7+d"))
    expect(page.locator(".st-key-nothing")).to_contain_text("Clear them, or choose a longer time range.")


@pytest.mark.full
@pytest.mark.parametrize(
    ("address", "table", "heading"),
    [
        ("/audit?range=all&refresh=off", "findings", "Found (Tokyo)"),
        ("/audit?range=all&refresh=off", "changes", "Occurred (Tokyo)"),
        ("/entity?refresh=off", "found", "Last (Tokyo)"),
        ("/health?refresh=off", "health-processes", "Up since (Tokyo)"),
    ],
)
def test_times_are_of_the_viewers_zone_and_in_utc_a_hover_away(live, watch, address, table, heading):
    page = watch(live.url, timezone_id="Asia/Tokyo").open(address)
    headings = page.locator(f".st-key-{table} th")
    expect(headings.filter(has_text=heading)).to_have_count(1)
    cell = column(page, headings.all_inner_texts().index(heading), table).first
    there, utc = cell.inner_text(), cell.get_attribute("title")
    assert utc.endswith(" UTC")
    begin = datetime.fromisoformat(f"{there}+09:00")
    assert begin == datetime.fromisoformat(utc.replace(" UTC", "+00:00"))
