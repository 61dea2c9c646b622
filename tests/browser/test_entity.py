"""The page Entity: a server, user or account as it is and was, and what happened in between."""

import json
import re
from datetime import timedelta
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect

from tests.browser.audited import ACCOUNT, OTHER, POWERED, PUBLIC, SERVER, USER
from tests.browser.watching import column, drawn_at, expect_refreshed, fill, go_back, row_of, tab
from tests.support.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("tabs")]

NAME = ".st-key-detail-name [data-testid=stText]"
SECONDS = "%Y-%m-%dT%H:%M:%S"
SERVER_PAGE = f"/entity?refresh=off&category=Server&name={SERVER}"


@pytest.fixture(scope="module")
def live(audited):
    return audited


def expect_step(page, place, event):
    expect(page.locator(".st-key-step-head")).to_contain_text(event)
    expect(page.locator(".st-key-detail")).to_contain_text(re.compile(rf"step {place} of "))


def came_later(what, span):
    """Return the row's text: the notification came that long after its event."""
    return re.compile(rf"^{re.escape(what)}; {span}.* late$")


def expect_raw(page, payload):
    tab(page, "Raw")
    expect(page.locator(".st-key-payload-raw code")).to_have_text(payload)


def payload(live, *, cpu, power):
    return live.one(
        "SELECT payload FROM events WHERE entity_id = ? AND payload ->> '/details/cpu' = ? "
        "AND payload ->> '/details/powerState' = ? ORDER BY seq DESC LIMIT 1",
        SERVER,
        str(cpu),
        power,
    )


def test_a_server_has_its_timeline_with_who_and_what_and_its_alerts(live, watch):
    page = watch(live.url).open(SERVER_PAGE)
    expect(page.locator(NAME)).to_have_text(SERVER)
    expect(column(page, 1, "steps")).to_have_text(
        ["Alert.Notification", "Server.Updated", "Server.Updated", "Server.Updated", "Server.Created"]
    )
    expect(column(page, 2, "steps")).to_have_text(["", "kim@acme.example", "SVC_OPS", "SVC_OPS", "SVC_OPS"])
    expect(column(page, 3, "steps")).to_have_text(
        [
            "alert: CPU above its threshold",
            came_later("powered it off", "2 h"),
            came_later("changed the number of CPUs from 2 to 4; changed the memory from 4 GB to 8 GB", "3 h"),
            came_later(f"added public address {PUBLIC}", "4 h"),
            came_later("created server", "5 h"),
        ]
    )
    expect(column(page, 3, "steps").nth(1).locator("wbr")).to_have_count(0)  # nothing but numbers could break there
    expect_step(page, 4, "Server.Updated")
    expect_raw(page, payload(live, cpu=4, power="stopped"))


@pytest.mark.full
def test_each_step_shows_what_it_changed_side_by_side(live, watch):
    page = watch(live.url).open(SERVER_PAGE)
    row_of(page, "steps", "number of CPUs").locator("td").nth(3).click()
    expect_step(page, 3, "Server.Updated")
    expect(column(page, 0, "differences")).to_have_text(["details.cpu", "details.memoryMB"])
    expect(column(page, 1, "differences")).to_have_text(["2", "4096"])
    expect(column(page, 2, "differences")).to_have_text(["4", "8192"])
    expect(page.locator(".st-key-differences td.removed")).to_have_count(2)
    expect(page.locator(".st-key-differences td.added")).to_have_count(2)
    page.locator(".st-key-all_fields label").click()
    expect(row_of(page, "differences", "changeInfo.modifiedDate").locator("td.quiet").first).to_be_visible()


@pytest.mark.full
def test_steps_are_walked_and_each_has_its_address_and_back_goes_one_back(live, watch):
    page = watch(live.url).open(SERVER_PAGE)
    expect_step(page, 4, "Server.Updated")
    page.get_by_role("button", name="Earlier").click()
    expect_step(page, 3, "Server.Updated")
    page.get_by_role("button", name="Earlier").click()
    expect_step(page, 2, "Server.Updated")
    expect(page).to_have_url(re.compile(r"step=\d+"))
    again = watch(live.url).open(page.url.removeprefix(live.url))
    expect_step(again, 2, "Server.Updated")
    expect(column(again, 2, "differences").first).to_contain_text(PUBLIC)
    page.get_by_role("button", name="Later").click()
    expect_step(page, 3, "Server.Updated")
    go_back(page, "Entity")
    expect_step(page, 2, "Server.Updated")
    page.get_by_role("button", name="Now", exact=True).click()
    expect_step(page, 4, "Server.Updated")
    expect(page).not_to_have_url(re.compile("step="))


@pytest.fixture
def third(live):
    """A moment half an hour after the server's third step, and as long before the fourth."""
    step = "SELECT max(occurred_at) FROM events WHERE entity_id = ? AND actor = 'SVC_OPS'"
    return live.one(step, SERVER) + timedelta(minutes=30)


@pytest.mark.full
def test_it_is_shown_as_it_was_at_a_time(live, watch, third):
    page = watch(live.url).open(f"{SERVER_PAGE}&at={third:{SECONDS}}")
    expect_step(page, 3, "Server.Updated")
    expect_raw(page, payload(live, cpu=4, power="started"))
    page = watch(live.url).open(f"{SERVER_PAGE}&at={third - timedelta(hours=2):{SECONDS}}")
    expect_step(page, 1, "Server.Created")
    page = watch(live.url).open(f"{SERVER_PAGE}&at=2020-01-01T00:00:00")
    expect(page.locator(".st-key-detail")).to_contain_text("Nothing was known about it")


@pytest.mark.full
def test_a_time_that_is_typed_is_of_the_viewers_zone_and_in_the_address_in_utc(live, watch, third):
    page = watch(live.url, timezone_id="Asia/Kolkata").open(SERVER_PAGE)
    expect_step(page, 4, "Server.Updated")
    typed = third.astimezone(ZoneInfo("Asia/Kolkata"))
    parts = page.locator(".st-key-at-choice [role=spinbutton]")
    for place, text in enumerate(typed.strftime("%Y %m %d %H %M").split()):
        parts.nth(place).click()
        page.keyboard.type(text)
    page.keyboard.press("Enter")
    expect_step(page, 3, "Server.Updated")
    expect(page).to_have_url(re.compile(quote(third.strftime("at=%Y-%m-%dT%H:%M:00"), safe="=")))


@pytest.mark.full
def test_findings_about_it_are_listed_and_lead_to_the_audit(live, watch):
    page = watch(live.url).open(SERVER_PAGE)
    row_of(page, "findings", PUBLIC).locator("td").nth(2).click()
    expect(page.locator(".st-key-title h3")).to_have_text("Audit")
    expect(page.locator(NAME)).to_contain_text("Public address")
    reason = "severity medium: the server can be reached from the whole internet"
    expect(page.locator(".st-key-detail-head")).to_contain_text(reason)
    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.locator(".st-key-detail-head")).to_contain_text(reason)
    said, closes = (page.locator(f".st-key-detail-head {part}").first for part in ("p", "button"))
    until(lambda: said.bounding_box()["width"] < 390, what="the narrow page")
    assert said.bounding_box()["y"] < closes.bounding_box()["y"] + closes.bounding_box()["height"]
    assert said.bounding_box()["x"] + said.bounding_box()["width"] <= closes.bounding_box()["x"]


def test_a_replayed_notification_is_marked_in_the_timeline_and_the_update_after_it_shows_what_it_changed(live, watch):
    user = {"accountAlias": "WIDE", "userName": "rae@wide.example"}
    sent = [("Updated", "old"), ("Updated", "rae"), ("Deleted", "old"), ("Updated", "eve")]
    stored = live.one("SELECT count(*) FROM notifications")
    for action, name in sent:
        body = json.dumps({**user, "emailAddress": f"{name}@x.example"}).encode()
        assert live.receiver.sender.post(f"/webhooks/User.{action}", body).status == 200
    until(lambda: live.one("SELECT count(*) FROM notifications") == stored + len(sent), what="them in the store")
    page = watch(live.url).load("/entity?category=User&name=RAE%40WIDE.EXAMPLE&refresh=off")
    what = column(page, 2, "steps")
    to_eve = "came back after its deletion; changed the e-mail address from rae@x.example to eve@x.example"
    replay = "Signature used again; deleted user; changed the e-mail address from rae@x.example to old@x.example"
    to_rae = "changed the e-mail address from old@x.example to rae@x.example"
    expect(what).to_have_text([to_eve, replay, to_rae, "first notification of this user"])
    expect(what.nth(1)).to_have_class(re.compile("notice"))
    expect(page.locator(".st-key-difference")).to_contain_text("It came back after its deletion")


@pytest.mark.full
def test_a_user_has_its_hidden_update_marked_and_what_it_did(live, watch):
    page = watch(live.url).open(f"/entity?refresh=off&category=User&name={USER}")
    expect(row_of(page, "steps", "(perhaps a password)").locator("td.notice")).to_have_count(1)
    expect(page.locator(".st-key-difference")).to_contain_text("No visible field differs")
    expect(row_of(page, "acts", SERVER).locator("td").nth(3)).to_have_text(came_later("powered it off", "2 h"))
    page.get_by_role("button", name="All changes by this user on Audit").click()
    expect(page.locator(".st-key-chips")).to_contain_text(f'Actor: "{USER}"')
    expect(row_of(page, "changes", POWERED)).to_be_visible()
    go_back(page, "Entity")
    row_of(page, "acts", SERVER).locator("td").nth(1).click()
    expect(page.locator(NAME)).to_have_text(SERVER)
    expect(column(page, 2, "differences")).to_have_text(["stopped"])


@pytest.mark.full
def test_the_head_says_who_it_is_and_its_state_now_and_then_and_a_phone_shows_the_lists_before_the_body(
    live, watch, third
):
    page = watch(live.url).open(SERVER_PAGE)
    expect(page.locator(".st-key-entity-state")).to_have_text("active · powered off")
    page = watch(live.url).open(f"{SERVER_PAGE}&at={third:{SECONDS}}")
    expect(page.locator(".st-key-entity-state")).to_have_text("active · powered on")
    phone = watch(live.url, viewport={"width": 390, "height": 844}).open(SERVER_PAGE)
    expect_step(phone, 4, "Server.Updated")
    expect(phone.locator(".st-key-steps tbody tr").first).to_be_visible()
    places = [phone.locator(f".st-key-{part}").bounding_box()["y"] for part in ("findings-about", "steps", "detail")]
    assert places == sorted(places)


@pytest.mark.full
def test_the_state_and_the_time_of_the_head_belong_to_the_shown_moment(live, watch, third):
    def expect_head(chosen, state, time):
        page = watch(live.url).open(f"{SERVER_PAGE}&{chosen}")
        expect(page.locator(".st-key-entity-state")).to_have_text(state)
        expect(page.locator(".st-key-standing")).to_contain_text(re.compile(rf"state as of .*{time}"))
        return page

    (on,) = live.receiver.sql(
        "SELECT seq, strftime(occurred_at, '%H:%M:%S') AS time FROM events "
        "WHERE entity_id = ? AND actor = 'SVC_OPS' ORDER BY occurred_at DESC LIMIT 1",
        [SERVER],
    )
    page = expect_head(f"at={third:{SECONDS}}", "active · powered on", on["time"])
    expect(page.locator(".st-key-standing")).to_contain_text(f"{third:%H:%M}")
    expect_head(f"step={on['seq']}", "active · powered on", on["time"])
    page = watch(live.url).open(f"/entity?refresh=off&category=Server&name={OTHER}&at={third:{SECONDS}}")
    expect(page.locator(".st-key-standing")).not_to_contain_text("deleted")


def test_a_user_that_only_acted_is_shown_by_what_it_did(live, watch):
    page = watch(live.url).open("/entity?refresh=off&category=User&name=NOBODY.KNOWN")
    expect(page.locator(".st-key-nothing")).to_contain_text("No User notification about it has arrived")
    expect(column(page, 2, "acts")).to_have_text([OTHER])


def test_an_account_lists_its_users_and_servers_and_the_accounts_around_it(live, watch):
    page = watch(live.url).open(f"/entity?refresh=off&category=Account&name={ACCOUNT}")
    expect(page.locator(".st-key-entity-name")).to_contain_text("Acme Manufacturing")
    expect(column(page, 1, "parts")).to_have_text([SERVER, USER, OTHER])
    expect(column(page, 2, "parts")).to_have_text(["", "", "deleted"])
    page.locator(".st-key-open-parent button").click()
    expect(page.locator(NAME)).to_have_text("ROOT")
    row_of(page, "below-list", ACCOUNT).locator("button").first.click()
    expect(page.locator(NAME)).to_have_text(ACCOUNT)
    row_of(page, "parts", OTHER).locator("button").click()
    expect(page.locator(NAME)).to_have_text(OTHER)
    expect(page.locator(".st-key-detail-name")).to_contain_text("deleted")


@pytest.mark.full
def test_a_new_notification_appears_by_itself(live, watch):
    page = watch(live.url).open(f"/entity?refresh=1+s&category=Account&name={ACCOUNT}")
    expect(page.locator(".st-key-detail")).to_contain_text("step 1 of 1")
    body = {"accountAlias": ACCOUNT, "businessName": "Acme Holding", "status": "Active", "parentAlias": "ROOT"}
    assert live.receiver.sender.post("/webhooks/Account.Updated", json.dumps(body).encode()).status == 200
    expect(page.locator(".st-key-detail")).to_contain_text("step 2 of 2")
    expect(column(page, 2, "differences")).to_have_text(["Acme Holding"])


@pytest.mark.full
def test_an_entity_is_found_by_a_part_of_its_name_whatever_the_case(live, watch):
    page = watch(live.url).open("/entity?refresh=off")
    fill(page, "Name contains", "acmeweb")
    expect(column(page, 1, "found")).to_have_text([SERVER])
    row_of(page, "found", SERVER).locator("button").first.click()
    expect(page.locator(NAME)).to_have_text(SERVER)
    page.get_by_role("button", name="Find another").click()
    expect(page.get_by_role("textbox", name="Name contains")).to_be_visible()
    page = watch(live.url).open(f"/entity?refresh=off&category=server&entity={SERVER.lower()}")
    expect(page.locator(NAME)).to_have_text(SERVER)
    page = watch(live.url).open("/entity?refresh=off&named=no-such-name")
    expect(page.locator(".st-key-nothing")).to_contain_text("No entity")


def test_an_entity_of_which_nothing_came_says_so(live, watch):
    page = watch(live.url).open("/entity?refresh=off&category=Server&name=NOWHERE01")
    expect(page.locator(".st-key-nothing")).to_contain_text("not in the store")


@pytest.mark.full
def test_from_names_on_the_other_pages_one_click_leads_here_and_back_leads_back(live, watch):
    page = watch(live.url).open(f"/notifications?refresh=off&entity={SERVER}&events=Server.Updated")
    for place, expected in ((2, SERVER), (5, ACCOUNT), (3, USER)):
        row_of(page, "notifications", "kim@acme.example").locator("td").nth(place).locator("button").click()
        expect(page.locator(NAME)).to_have_text(expected)
        go_back(page, "Notifications")
        expect(row_of(page, "notifications", "kim@acme.example")).to_be_visible()
    row_of(page, "notifications", "kim@acme.example").locator("td").nth(1).click()
    page.locator(".st-key-open-step button").click()
    expect(page.locator(NAME)).to_have_text(SERVER)
    expect(column(page, 2, "differences")).to_have_text(["stopped"])

    page = watch(live.url).open("/?refresh=off&account=ACME&range=24+h")
    row_of(page, "accounts-list", "ACME").locator("td").last.locator("button").click()
    expect(page.locator(NAME)).to_have_text(ACCOUNT)


@pytest.mark.full
def test_a_server_in_alarm_says_so_and_the_list_counts_its_alerts_too(live, watch):
    page = watch(live.url).open(SERVER_PAGE)
    expect(page.locator(".st-key-entity-alarm")).to_have_text(
        re.compile(r"In alarm since \d{4}-.*: CPU above its threshold$")
    )
    expect(page.locator(".st-key-entity-name")).to_contain_text("; latest alert ")
    expect(page.locator(".st-key-detail")).to_contain_text("the latest state; alerts came later")
    page.locator(".st-key-entity-alarm button").click()
    expect_step(page, 5, "Alert.Notification")
    page = watch(live.url).open(f"/entity?refresh=off&named={SERVER}")
    expect(column(page, 3, "found")).to_have_text(["5"])
    page = watch(live.url).open(f"/entity?refresh=off&category=Server&name={OTHER}")
    expect(page.locator(NAME)).to_have_text(OTHER)
    expect(page.locator(".st-key-entity-alarm")).to_have_count(0)


@pytest.mark.full
def test_the_seconds_of_a_time_in_the_address_stay_while_nobody_types(live, watch, third):
    at = f"{third.replace(second=17):{SECONDS}}"
    page = watch(live.url).load(f"{SERVER_PAGE}&at={at}".replace("off", "1+s"))
    expect(page.locator(NAME)).to_have_text(SERVER)
    for _ in range(2):
        expect_refreshed(page, drawn_at(page))
    expect(page).to_have_url(re.compile(f"at={at}$"))
