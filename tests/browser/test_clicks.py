"""Clicks through every page, on data that a live receiver took."""

import json
import re
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from analytics.pages.shared.components import BROWSER, TABLE_HTML, read_file
from analytics.senders import list_event_types
from tests.browser.watching import (
    choose,
    close_filters,
    column,
    drawn_at,
    expect_range,
    expect_refreshed,
    expect_total,
    fill,
    go_back,
    open_filters,
    row_of,
    tab,
    texts,
)
from tests.support.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("tabs")]

SENT = 400
ALL = "SELECT count(*) FROM events"
REFUSED_AGENT = "a-sender-without-a-key/1.0"


@pytest.fixture(scope="module", autouse=True)
def _history(live):
    live.simulate("--count", str(SENT), "--rate", "0", "--seed", "5")
    headers = {"Content-Type": "application/json", "User-Agent": REFUSED_AGENT}
    assert live.receiver.sender.post("/webhooks/Server.Updated", b'{"name":"UNSIGNED01"}', headers).status == 401
    assert live.receiver.sender.post("/webhooks/Server.Exploded", b'{"name":"ODD01"}').status == 404
    assert live.receiver.sender.post("/webhooks/User.Created", b"no json at all").status == 400
    live.until_refused(3)


def tiles(page):
    return page.locator(".st-key-live [data-testid=stMetricValue]")


def busiest(live):
    return live.receiver.sql(
        "SELECT account_alias, count(*) AS n FROM events GROUP BY ALL ORDER BY n DESC, account_alias LIMIT 1"
    )[0]


def test_activity_counts_draws_and_ranks_what_came(live, watch):
    page = watch(live.url).open("/")
    total = live.one(ALL)
    expect(tiles(page).nth(0)).to_have_text(f"{total:,}")
    expect(page.locator(".st-key-sign-refused button").first).to_contain_text("3 refused")
    expect(page.locator(".st-key-over-time svg.marks")).to_be_visible()
    expect(page.locator(".st-key-over-time [aria-label^='Stacked bars: notifications per 15 min']")).to_have_count(1)
    first = busiest(live)
    row = page.locator(".st-key-accounts-list tbody tr").first
    expect(row).to_contain_text(first["account_alias"])
    expect(row.locator("td").nth(2)).to_have_text(f"{first['n']:,}")
    for kind in live.receiver.sql("SELECT event_type AS name, count(*) AS many FROM events GROUP BY ALL"):
        expect(row_of(page, "types-list", kind["name"]).locator("td").nth(2)).to_have_text(f"{kind['many']:,}")


@pytest.mark.full
def test_a_chart_of_many_event_types_joins_the_rarest_and_a_click_opens_them(live, watch):
    page = watch(live.url).open("/?refresh=off")
    names = [row["event_type"] for row in live.receiver.sql(
        "SELECT event_type FROM events GROUP BY ALL ORDER BY count(*) DESC, event_type")]  # fmt: skip
    assert len(names) > 8
    legend = page.locator(".st-key-legend .legend button")
    expect(legend).to_have_count(8)
    expect(legend.last).to_have_text(f"Other ({len(names) - 7})")
    legend.last.click()
    expect(page).to_have_url(re.compile("others=1"))
    expect(legend.first).to_have_text("← All")
    assert set(texts(legend)[1:]) == set(names[7:])
    again = watch(live.url).open(page.url.removeprefix(live.url))
    expect(again.locator(".st-key-legend .legend button")).to_have_count(len(names) - 6)
    legend.first.click()
    expect(legend).to_have_count(8)
    expect(page).not_to_have_url(re.compile("others="))


@pytest.mark.full
def test_the_choices_of_view_stay_open_over_clicks_and_refreshes_until_a_click_elsewhere(live, watch):
    page = watch(live.url).open("/?refresh=1+s")
    page.locator(".st-key-view-popover button").click()
    choices = page.locator(".st-key-rank")
    choices.get_by_text("change", exact=True).click()
    expect(page).to_have_url(re.compile("rank=change"))
    expect_refreshed(page, drawn_at(page))
    page.get_by_text("Logarithmic scale").click()
    expect(page).to_have_url(re.compile("log=true.*rank=change"))
    expect(choices).to_be_visible()
    page.locator(".st-key-title h3").click()
    expect(choices).to_have_count(0)


@pytest.mark.full
def test_activity_is_drawn_for_the_time_range_that_is_clicked(live, watch):
    page = watch(live.url).open("/")
    expect(page.locator(".st-key-over-time svg.marks")).to_be_visible()
    for name, per in (("15 min", "10 s"), ("7 d", "3 h"), ("year", "7 days"), ("all", r"\d+ s")):
        choose(page, "Time range", name)
        units = page.locator(".st-key-over-time").get_by_text("by event type; times in")
        expect(units).to_have_text(re.compile(f"Number per {per},"))
        assert f"range={name.replace(' ', '+')}" in page.url


@pytest.mark.full
def test_activity_counts_one_account_with_and_without_its_sub_accounts(live, watch):
    page = watch(live.url).open("/")
    root = live.receiver.sql(
        "SELECT root_path[1] AS alias, count(*) AS n FROM events JOIN accounts ON alias = account_alias "
        "WHERE len(root_path) > 1 GROUP BY ALL ORDER BY n DESC LIMIT 1"
    )[0]["alias"]
    below = live.one(
        "SELECT count(*) FROM events JOIN accounts ON alias = account_alias WHERE list_contains(root_path, ?)", root
    )
    own = live.one(f"{ALL} WHERE account_alias = ?", root)
    assert below > own
    choose(page, "Account", root)
    expect(tiles(page).nth(0)).to_have_text(f"{below:,}")
    page.locator(".st-key-below label").click()
    expect(tiles(page).nth(0)).to_have_text(f"{own:,}")
    assert f"account={root}" in page.url


@pytest.mark.full
def test_activity_counts_changed_fields_and_a_field_leads_to_its_changes(live, watch):
    page = watch(live.url).open("/?refresh=off&range=30+d")
    page.get_by_role("radio", name="Changed fields").click()
    total = live.one("SELECT count(*) FROM changes WHERE NOT noise AND path <> ''")
    expect(tiles(page).nth(0)).to_have_text(f"{live.one(ALL):,}")
    expect(tiles(page).nth(1)).to_have_text(f"{total:,}")
    name = row_of(page, "fields-list", "details.powerState").locator("button")
    name.click()
    expect(page.locator(".st-key-title h3")).to_have_text("Audit")
    expect(page.get_by_role("button", name="Field: details.powerState")).to_be_visible()
    changes = live.one("SELECT count(*) FROM changes WHERE NOT noise AND path = 'details.powerState'")
    expect(page.locator(".st-key-changes-head")).to_contain_text(re.compile(rf"^{changes:,} changes?"))


@pytest.mark.full
def test_a_refresh_that_is_off_stays_as_it_was(live, watch):
    page = watch(live.url).open("/?refresh=off")
    expect(page.locator(".st-key-over-time svg.marks")).to_be_visible()
    before = drawn_at(page)
    choose(page, "Refresh", "1 s")
    expect_refreshed(page, before)


@pytest.mark.full
def test_notifications_are_filtered_by_each_filter_and_cleared(live, watch):
    page = watch(live.url).open("/notifications")
    total = live.one(ALL)
    expect_total(page, total)
    alias = busiest(live)["account_alias"]
    some = live.receiver.sql("SELECT entity_id, actor FROM events WHERE actor IS NOT NULL ORDER BY seq DESC LIMIT 1")[0]

    choose(page, "Event types", "Server.Updated")
    expect_total(page, live.one(f"{ALL} WHERE event_type = 'Server.Updated'"))
    until(lambda: set(column(page, 1).all_inner_texts()) == {"Server.Updated"}, what="only the chosen event type")
    clear(page, total)

    choose(page, "Account", alias)
    page.locator(".st-key-below label").click()
    of_account = live.one(f"{ALL} WHERE account_alias = ?", alias)
    expect_total(page, of_account)
    clear(page, of_account)
    page = watch(live.url).open("/notifications")

    fill(page, "Entity contains", some["entity_id"][:6].lower())
    expect_total(page, live.one(f"{ALL} WHERE contains(entity_id, ?)", some["entity_id"][:6]))
    clear(page, total)

    fill(page, "Actor contains", some["actor"])
    expect_total(page, live.one(f"{ALL} WHERE actor = ?", some["actor"]))
    clear(page, total)

    fill(page, "Payload contains", '"powerState":"stopped"')
    expect_total(page, live.one(f'{ALL} WHERE contains(payload::VARCHAR, \'"powerState":"stopped"\')'))
    clear(page, total)

    choose(page, "Signature", "valid")
    expect_total(page, total)
    choose(page, "Received in the last", "15 min")
    expect_total(page, total)
    fill(page, "Entity contains", "no such entity %_")
    expect(page.locator(".st-key-nothing")).to_contain_text("No notification")


def clear(page, total):
    open_filters(page).get_by_role("button", name="Clear filters", exact=True).click()
    close_filters(page)
    expect_total(page, total)
    expect(page).not_to_have_url(re.compile("(events|entity|actor|text|signature)="))


@pytest.mark.full
def test_notifications_are_paged_to_their_end_and_back(live, watch):
    page = watch(live.url).open("/notifications")
    total = live.one(ALL)
    pages = -(-total // 50)
    expect_range(page, 1, 50)
    page.get_by_role("button", name="Older").click()
    expect_range(page, 51, 100)
    page.get_by_role("button", name="Oldest").click()
    expect_range(page, (pages - 1) * 50 + 1, total)
    oldest = live.one("SELECT entity_id FROM events ORDER BY seq LIMIT 1")
    expect(page.locator(".st-key-notifications tbody tr").last).to_contain_text(oldest)
    page.get_by_role("button", name="Newer").click()
    expect_range(page, (pages - 2) * 50 + 1, (pages - 1) * 50)
    number = page.locator(".st-key-page-number input")
    number.fill("3")
    number.press("Enter")
    expect_range(page, 101, 150)
    third = live.one("SELECT entity_id FROM events ORDER BY seq DESC LIMIT 1 OFFSET 100")
    expect(page.locator(".st-key-notifications tbody tr").first).to_contain_text(third)
    page.get_by_role("button", name="Newest").click()
    expect_range(page, 1, 50)


@pytest.mark.full
def test_a_page_of_old_ones_stays_where_it_is_while_new_ones_come(live, watch):
    page = watch(live.url).open("/notifications?refresh=1+s")
    page.get_by_role("button", name="Older").click()
    expect_range(page, 51, 100)
    held = texts(column(page, 0))
    live.simulate("--count", "3", "--rate", "0", "--seed", "77")
    expect(page.get_by_role("button", name="3 new")).to_be_visible()
    expect_range(page, 51, 100)
    expect(column(page, 0)).to_have_text(held)


@pytest.mark.full
def test_a_click_opens_the_notification_its_entity_and_its_account(live, watch):
    page = watch(live.url).open("/notifications?events=Server.Updated&refresh=off")
    server = live.receiver.sql(
        "SELECT seq, entity_id, account_alias, actor, payload FROM events WHERE event_type = 'Server.Updated' "
        "ORDER BY seq DESC LIMIT 1"
    )[0]
    row = page.locator(".st-key-notifications tbody tr").first
    row.locator("td").nth(1).click()
    detail = page.locator(".st-key-detail")
    expect(page.locator(".st-key-detail-name")).to_contain_text("Server.Updated")
    expect(detail).to_contain_text("Verified: the signature fits")
    expect(detail).to_contain_text(server["actor"])
    tab(page, "Raw")
    expect(page.locator(".st-key-payload-raw code")).to_have_text(server["payload"])
    tab(page, "Tree")
    expect(page.locator(".st-key-payload-tree")).to_contain_text("changeInfo")
    page.get_by_role("button", name=re.compile("Signature")).last.click()
    expect(page.get_by_text("RSA with SHA-1 over the body")).to_be_visible()
    page.keyboard.press("Escape")
    page.locator(".st-key-open-entity button").click()
    expect(page.locator(".st-key-title h3")).to_have_text("Entity")
    expect(page.locator(".st-key-detail-name")).to_contain_text(server["entity_id"])
    expect(page.locator(".st-key-detail-name")).to_contain_text("as of its latest notification")
    steps = live.one("SELECT count(*) FROM events WHERE entity_id = ?", server["entity_id"])
    expect(page.locator(".st-key-steps tbody tr")).to_have_count(min(steps, 30))
    page.locator(".st-key-open-account button").click()
    # For a moment the name of the entity before stands there, too.
    expect(page.locator(".st-key-detail-name [data-testid=stText]")).to_have_text([server["account_alias"]])
    go_back(page, "Entity")
    expect(page.locator(".st-key-detail-name [data-testid=stText]")).to_have_text([server["entity_id"]])
    go_back(page, "Notifications")
    expect(page.locator(".st-key-detail-name")).to_contain_text("Server.Updated")
    page.get_by_role("button", name="Close", exact=True).click()
    expect(detail).to_have_count(0)


@pytest.mark.full
def test_names_in_the_list_open_what_they_name(live, watch):
    page = watch(live.url).open("/notifications?events=User.Updated&refresh=off")
    user, account = live.receiver.sql(
        "SELECT entity_id, account_alias FROM events WHERE event_type = 'User.Updated' ORDER BY seq DESC LIMIT 1"
    )[0].values()
    buttons = page.locator(".st-key-notifications tbody tr").first.locator("td button")
    name = page.locator(".st-key-detail-name [data-testid=stText]")
    buttons.nth(1).click()
    expect(name).to_have_text(user)
    go_back(page, "Notifications")
    buttons.nth(2).click()
    expect(name).to_have_text(account)
    expect(page).to_have_url(re.compile(f"/entity\\?category=Account&name={account}"))


def test_refused_ones_are_shown_with_reason_headers_and_body(live, watch):
    page = watch(live.url).open("/notifications")
    page.get_by_role("radio", name="Refused").or_(page.get_by_role("button", name="Refused", exact=True)).click()
    expect(page.locator(".st-key-refused-list tbody tr")).to_have_count(3)
    assert sorted(texts(column(page, 1, "refused-list"))) == ["Address names no event", "Not JSON", "Unsigned"]
    row_of(page, "refused-list", "Unsigned").locator("td").nth(1).click()
    detail = page.locator(".st-key-detail")
    expect(page.locator(".st-key-detail-name")).to_contain_text("signature_missing")
    expect(detail).to_contain_text("There was no signature.")
    expect(detail).to_contain_text("start the receiver with CLC_SIGNATURES=record")
    expect(page.locator(".st-key-headers")).to_contain_text(REFUSED_AGENT)
    expect(detail).to_contain_text('{"name":"UNSIGNED01"}')
    expect(page.locator(".st-key-refused-head")).to_contain_text("3 refused notifications")


@pytest.mark.full
def test_set_up_has_a_url_for_each_event_to_copy_and_says_when_the_last_came(live, watch):
    watched = watch(live.url, permissions=["clipboard-read", "clipboard-write"])
    page = watched.open("/set-up?refresh=1+s")
    base = "https://hooks.example.com"
    fill(page, "Address under which the sender reaches the receiver", base)
    urls = page.locator(".st-key-targets code")
    expect(urls).to_have_text([f"{base}/webhooks/{name}" for name in list_event_types()])
    urls.first.hover()
    page.locator(".st-key-targets").get_by_role("button", name="Copy").first.click()
    page.wait_for_function(
        f"async () => await navigator.clipboard.readText() == '{base}/webhooks/{list_event_types()[0]}'"
    )
    last = page.locator(".st-key-last-Account-Deleted")
    before = live.one("SELECT count(*) FROM notifications WHERE event_type = 'Account.Deleted'")
    expect(last).to_contain_text(f"{before:,} in all" if before else "not yet")
    body = json.dumps({"accountAlias": "GONE", "businessName": "Gone Ltd", "status": "Deleted"}).encode()
    assert live.receiver.sender.post("/webhooks/Account.Deleted", body).status == 200
    expect(last).to_contain_text(f"{before + 1:,} in all")
    expect(last).to_contain_text("s ago")
    last.get_by_role("button", name=f"{before + 1:,} in all").click()
    expect_total(page, before + 1)
    expect(page.get_by_role("combobox", name="Received in the last")).to_have_value("all")
    for value in ("events=Account.Deleted", "copies=true"):
        expect(page).to_have_url(re.compile(f"/notifications.*[?&]{value}"))


@pytest.mark.full
def test_the_top_bar_leads_to_every_page(live, watch):
    # Links carry a time range that was chosen before.
    page = watch(live.url).load("/")
    for name, path in (
        ("Notifications", "/notifications"),
        ("Audit", "/audit"),
        ("Entity", "/entity"),
        ("Set up", "/set-up"),
        ("Activity", "/"),
    ):
        page.get_by_role("link", name=name).click()
        expect(page.locator(".st-key-title h3")).to_have_text(name)
        expect(page).to_have_url(live.url + path)


LISTED = """async source => {
  const { default: draw } = await import(source);
  window.opened = [];
  const columns = [{ name: "Entity", width: "50%", opens: true }, { name: "What", width: "50%" }];
  const row = { id: "7", cells: ["WEB", "created"], tones: [], hovers: [], shares: [] };
  const setTriggerValue = (_, { column }) => window.opened.push(column);
  draw({ data: { columns, rows: [row], colours: {}, chosen: null }, parentElement: document.body, setTriggerValue });
}"""


@pytest.mark.full
def test_a_click_on_a_name_opens_it_while_text_is_selected_and_one_that_selects_text_in_a_row_opens_nothing(browser):
    page = browser.new_page()
    page.set_content(f"<p>10.0.0.1</p>{TABLE_HTML}")
    code = "".join(read_file(BROWSER, f"{name}.js") for name in ("clocks", "table"))
    page.evaluate(LISTED, f"data:text/javascript,{quote(code)}")
    page.locator("p").dblclick()
    page.get_by_role("button", name="WEB").click()
    assert page.evaluate("window.opened") == ["Entity"]
    page.get_by_text("created").dblclick()
    assert page.evaluate("window.opened") == ["Entity", "What"]
    page.close()
