"""Notifications made to be taken for markup: each page shows them as text, and goes on working."""

import json
import re
import socket
from itertools import product

import pytest
from playwright.sync_api import expect

from analytics.text import make_visible
from tests.browser.watching import choose, column, expect_raw, go_back, row_of, run_linked, tab, texts
from tests.support.keys import signed
from tests.support.sizes import take_few

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("tabs")]

HOST = "hostile.example"
MARKUP = (
    f"<script>alert('hostilescript')</script><img src=http://{HOST}/i.png onerror=alert('hostileimage')>"
    f"<a href=http://{HOST}/>hostilelink</a> <b>hostilebold</b> ![hostilepicture](http://{HOST}/p.png) "
    f"[hostileanchor](http://{HOST}/a) **hostilestrong** `hostilecode` :red[hostilered] :material/skull: :smile: "
    f"$hostilemath^2$ ${{alert('hostiletemplate')}} ${{{{constructor}}}} {{{{hostilecurly}}}} http://{HOST}/bare "
    "\u202ehostilebidi\u2066 a\x00b"
)
WORDS = re.findall(r"hostile[a-z]+(?![a-z.])", MARKUP)
LONG = "LONG" + "0123456789" * 1000
IN_PATH = f"<script>alert(1)</script>![hostilepicture](http://{HOST}/p.png):red[hostilered]"
IN_HEADER = MARKUP.replace("\u202e", "").replace("\u2066", "").replace("\x00", "")

# Whether text has become an element: its words alone in one, or an address of the hostile host in an attribute.
ELEMENTS = """([words, host]) => {
  const found = [];
  const visit = (root) => {
    for (const element of root.querySelectorAll('*')) {
      if (element.shadowRoot) visit(element.shadowRoot);
      if (['SCRIPT', 'STYLE', 'TITLE', 'INPUT'].includes(element.tagName) && !element.textContent.includes('alert('))
        continue;
      const text = element.textContent.trim().toLowerCase();
      if (words.includes(text) || text === 'skull') found.push(element.outerHTML.slice(0, 200));
      for (const name of ['src', 'href', 'srcset', 'action', 'data', 'xlink:href', 'poster', 'style'])
        if ((element.getAttribute(name) ?? '').toLowerCase().includes(host))
          found.push(element.outerHTML.slice(0, 200));
      if (element.matches('.katex, script:not([src])') && text.includes('hostile'))
        found.push(element.outerHTML.slice(0, 200));
    }
  };
  visit(document);
  return found;
}"""


def account(alias, name, **more):
    return {"accountAlias": alias, "businessName": name, "status": "Active", **more}


def accepted():
    return [
        ("Account.Created", account("ROOT", MARKUP)),
        ("Account.Updated", account(MARKUP, MARKUP, parentAlias="ROOT", **{MARKUP: {MARKUP: [MARKUP]}})),
        ("User.Created", {"accountAlias": "ROOT", "userName": MARKUP, "emailAddress": MARKUP, "status": MARKUP}),
        ("Account.Created", account(LONG, LONG)),
        ("User.Created", {"accountAlias": LONG, "userName": LONG, "status": "Active"}),
        (
            "Server.Updated",
            {
                "name": MARKUP,
                "id": MARKUP,
                "changeInfo": {"modifiedBy": MARKUP},
                "links": [{"rel": "account", "href": "/v2/accounts/ROOT", "id": "ROOT"}],
            },
        ),
        (
            "Server.Updated",
            {"name": MARKUP, "id": MARKUP, "description": MARKUP, MARKUP: MARKUP, "links": [{"rel": MARKUP}]},
        ),
        (
            "Alert.Notification",
            {
                "accountAlias": MARKUP,
                "serverName": MARKUP,
                "triggers": [{"metric": MARKUP, "state": "triggered", "data": {MARKUP: MARKUP}}],
            },
        ),
    ]


def post_raw(url, path, headers, body):
    """Post what no HTTP client would: a path and headers that are not escaped."""
    host, _, port = url.removeprefix("http://").partition(":")
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        request = f"POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(body)}\r\n{head}\r\n"
        connection.sendall(request.encode() + body)
        return int(connection.makefile("rb").readline().split()[1])


@pytest.fixture(scope="module", autouse=True)
def _hostile(live):
    for event, value in accepted():
        body = json.dumps(value, ensure_ascii=False).encode()
        assert live.receiver.sender.post(f"/webhooks/{event}", body).status == 200
    headers = {"User-Agent": IN_HEADER, "X-Hostile": IN_HEADER, "Content-Type": "application/json"}
    assert post_raw(live.receiver.url, "/webhooks/Server.Updated", headers, MARKUP.encode()) in {400, 401}
    body = json.dumps(account(MARKUP, LONG)).encode()
    assert post_raw(live.receiver.url, f"/webhooks/{IN_PATH}", {**headers, **signed(body)}, body) == 404
    live.until_refused(2)


@pytest.fixture
def page(live, watch):
    opened = watch(live.url)
    yield opened.open
    opened.check()


def inert(page):
    """Assert that no hostile text has become an element."""
    assert page.evaluate(ELEMENTS, [WORDS, HOST]) == []


@pytest.mark.full
def test_the_check_itself_sees_what_has_become_an_element(page):
    drawn = page("/set-up?refresh=off")
    inert(drawn)
    drawn.evaluate("document.body.insertAdjacentHTML('beforeend', '<strong>hostilestrong</strong>')")
    with pytest.raises(AssertionError):
        inert(drawn)


def test_activity_shows_hostile_names_as_text_in_lists_chips_tree_and_choice(page):
    drawn = page("/?refresh=off")
    for table in ("accounts", "entities", "actors"):
        names = column(drawn, 0, f"{table}-list")
        expect(names.filter(has_text=re.compile("<script>alert", re.IGNORECASE)).first).to_be_visible()
        assert not any(character in text for text in texts(names) for character in "\u202e\u2066\x00")
    expect(column(drawn, 0, "accounts-list").filter(has_text="LONG01234567").first).to_be_visible()
    inert(drawn)
    for table in ("entities", "actors"):
        drawn.locator(f".st-key-{table}-list tbody tr", has_text=re.compile("<script>", re.IGNORECASE)).first.locator(
            "button"
        ).first.click()
        expect(drawn.locator(f".st-key-{table}-list tr.chosen")).to_have_count(1)
        expect(drawn.locator(".st-key-chips")).to_contain_text(re.compile("<script>alert", re.IGNORECASE))
        inert(drawn)
    drawn.get_by_role("button", name="Clear all filters").click()
    expect(drawn.locator(".st-key-chips button")).to_have_count(0)
    drawn.get_by_role("radio", name="Tree").or_(drawn.get_by_role("button", name="Tree", exact=True)).click()
    expect(column(drawn, 1, "accounts-tree").filter(has_text="LONG0123").first).to_be_visible()
    inert(drawn)
    field = drawn.get_by_role("combobox", name="Account", exact=True)
    field.click()
    expect(drawn.get_by_role("option", name=re.compile(re.escape("<SCRIPT>"))).first).to_be_visible()
    inert(drawn)
    drawn.keyboard.press("Escape")
    choose(drawn, "Account", "LONG0123")
    expect(drawn.locator(".st-key-live [data-testid=stMetricValue]").nth(0)).to_have_text("2")
    inert(drawn)


def test_the_list_shows_hostile_names_as_text(page):
    drawn = page("/notifications")
    expect(column(drawn, 1)).to_have_count(len(accepted()))
    entities = texts(column(drawn, 2))
    assert sum("<SCRIPT>ALERT('HOSTILESCRIPT')</SCRIPT>" in text for text in entities) == 5
    assert sum(text.startswith("LONG0123456789") and len(text) <= 80 for text in entities) == 2
    assert any("<script>" in text for text in texts(column(drawn, 3)))
    assert not any(character in text for text in entities for character in "\u202e\u2066\x00")
    inert(drawn)


@pytest.mark.full
@pytest.mark.parametrize("event", take_few(dict.fromkeys(["Server.Updated", *(event for event, _ in accepted())]), 1))
def test_a_hostile_notification_its_entity_and_account_open_as_text(page, event):
    drawn = page(f"/notifications?refresh=off&events={event}")
    body = next(value for name, value in accepted()[1:] if name == event)
    row = drawn.locator(".st-key-notifications tbody tr").last
    if event == "Account.Created":
        row = row_of(drawn, "notifications", "LONG0123")
    if event == "User.Created":
        row = row_of(drawn, "notifications", "<SCRIPT>")
    row.locator("td").nth(1).click()
    expect(drawn.locator(".st-key-detail-name")).to_contain_text(event)
    expect_raw(drawn, make_visible(json.dumps(body, ensure_ascii=False), keep="\n"))
    inert(drawn)
    tab(drawn, "Tree")
    expect(drawn.locator(".st-key-payload-tree")).to_contain_text("accountAlias" if event[0] in "AU" else "changeInfo")
    inert(drawn)
    for name in ("Fields", "Changes", "About"):
        tab(drawn, name)
        inert(drawn)
    drawn.get_by_role("button", name=re.compile("Copy as curl")).click()
    expect(drawn.locator(".st-key-curl-command code")).to_contain_text("/webhooks/")
    inert(drawn)
    drawn.keyboard.press("Escape")
    expect(drawn.locator(".st-key-curl-command")).to_have_count(0)
    for link in ("open-entity", "open-account"):
        button = drawn.locator(f".st-key-{link} button")
        if button.count():
            button.click()
            expect(drawn.locator(".st-key-title h3")).to_have_text("Entity")
            expect(drawn.locator(".st-key-detail-name")).not_to_contain_text(event)
            inert(drawn)
            go_back(drawn, "Notifications")
            expect(drawn.locator(".st-key-detail-name")).to_contain_text(event)


def test_alerts_show_hostile_names_as_text_in_lists_chart_and_tooltip(page):
    drawn = page("/alerts?refresh=off&flapping=1")
    for key, places in (("in-alarm", (1, 2, 4)), ("alarm-list", (1, 2)), ("flapping-list", (0, 1))):
        for place in places:
            expect(column(drawn, place, key)).to_contain_text([re.compile("<script>alert", re.IGNORECASE)])
    cells = texts(drawn.locator(".st-key-in-alarm tbody td"))
    assert not any(character in text for text in cells for character in "\u202e\u2066\x00")
    marks = drawn.locator(".st-key-alarms-over-time svg.marks")
    expect(marks.locator("text", has_text="<SCRIPT>ALERT").first).to_be_visible()
    inert(drawn)
    marks.locator("[aria-roledescription=point]").first.hover(force=True)
    expect(drawn.locator("#vg-tooltip-element.visible")).to_contain_text("<SCRIPT>ALERT")
    inert(drawn)
    column(drawn, 1, "in-alarm").locator("button").click()
    expect(drawn.locator(".st-key-title h3")).to_have_text("Entity")
    expect(drawn.locator(".st-key-detail-name [data-testid=stText]")).to_have_text(make_visible(MARKUP.upper()))
    inert(drawn)


def test_audit_shows_hostile_findings_and_changes_as_text(page):
    drawn = page("/audit?refresh=off&range=all&noise=true&findings=all")
    expect(column(drawn, 2, "changes").filter(has_text="<SCRIPT>ALERT").first).to_be_visible()
    expect(column(drawn, 2, "changes").filter(has_text="set the description of").first).to_be_visible()
    expect(column(drawn, 2, "findings").filter(has_text="<SCRIPT>ALERT").first).to_be_visible()
    sentences = texts(column(drawn, 2, "changes"))
    assert not any(character in text for text in sentences for character in "\u202e\u2066\x00")
    inert(drawn)
    for place in range(column(drawn, 2, "findings").count()):
        column(drawn, 2, "findings").nth(place).click()
        expect(drawn.locator(".st-key-findings tr.chosen")).to_have_count(1)
        expect(drawn.locator(".st-key-finding-notifications tbody tr").first).to_be_visible()
        inert(drawn)


@pytest.mark.parametrize(
    ("category", "name"), take_few(product(["User", "Account", "Server"], [MARKUP.upper(), LONG]), 1)
)
def test_an_entity_with_a_hostile_name_its_steps_and_differences_are_text(page, category, name):
    from urllib.parse import quote

    drawn = page(f"/entity?refresh=off&all_fields=true&category={category}&name={quote(name, safe='')}")
    expect(drawn.locator(".st-key-detail-name [data-testid=stText]")).to_have_text(make_visible(name))
    inert(drawn)
    steps = drawn.locator(".st-key-steps tbody tr")
    for place in range(steps.count()):
        steps.nth(place).locator("td").first.click()
        expect(drawn.locator(".st-key-steps tr.chosen")).to_have_count(1)
        inert(drawn)


def test_the_differences_of_a_hostile_server_are_text(page):
    from urllib.parse import quote

    name = quote(MARKUP.upper(), safe="")
    drawn = page(f"/entity?refresh=off&all_fields=true&category=Server&name={name}")
    drawn.locator(".st-key-steps tbody tr", has_text="Server.Updated").first.locator("td").first.click()
    expect(column(drawn, 2, "differences").filter(has_text="**hostilestrong**").first).to_be_visible()
    inert(drawn)


def test_the_search_shows_hostile_names_as_text(page):
    drawn = page("/entity?refresh=off&named=script")
    expect(column(drawn, 1, "found").filter(has_text="<SCRIPT>").first).to_be_visible()
    inert(drawn)


def test_refused_hostile_requests_show_path_headers_and_body_as_text(page):
    drawn = page("/notifications?list=Refused")
    expect(column(drawn, 1, "refused-list")).to_have_count(2)
    paths = texts(column(drawn, 2, "refused-list"))
    assert any("<script>alert(1)</script>" in text or "%3Cscript" in text for text in paths)
    inert(drawn)
    for row in range(2):
        drawn.locator(".st-key-refused-list tbody tr").nth(row).locator("td").nth(1).click()
        expect(drawn.locator(".st-key-headers")).to_contain_text("hostilestrong")
        inert(drawn)
    expect(drawn.locator(".st-key-detail")).to_contain_text("hostile")


@pytest.mark.parametrize(
    "address",
    take_few(
        [
            "/?account={0}&range={0}&who={0}&what=Server/{0}&types={0}&centre={0}&part={0}&own={0}&open={0}&alone={0}",
            "/sql?sql={0}&packed={0}&show={0}&chart={0}&x={0}&y={0}&colour={0}",
            "/set-up?base=javascript:alert(1)",
            "/?account={0}&compare={0}&rank={0}&accounts-as={0}&what={0}",
            "/notifications?account={0}&entity={0}&actor={0}&text={0}&events={0}&when={0}&signature={0}&list={0}",
            "/audit?account={0}&range={0}&kind={0}&field={0}&entity={0}&actor={0}&severity={0}&finding={0}&until={0}&page={0}",
            "/alerts?account={0}&range={0}&entity={0}&flapping={0}&order={0}&below={0}",
            "/entity?category=Server&name={0}&step={0}&at={0}&page={0}",
            "/entity?category={0}&name={0}&named={0}&among={0}",
            "/notifications?seq={0}&before={0}&from={0}&to={0}&paused={0}&at={0}",
            "/notifications?list=Refused&refused={0}&reason={0}",
            "/sql?sql=SELECT+1+AS+a&show=Chart&chart={0}&x={0}&y={0}&colour={0}",
            "/set-up?base={0}",
        ],
        3,
    ),
)
def test_a_hostile_address_is_text_too(page, address):
    from urllib.parse import quote

    drawn = page(address.format(quote(MARKUP.replace("\x00", ""), safe="")))
    expect(drawn.locator(".st-key-freshness")).to_contain_text("newest")
    inert(drawn)


@pytest.mark.full
def test_sql_shows_hostile_values_names_and_profiles_as_text(page):
    from urllib.parse import quote

    sql = "SELECT entity_id, count(*) AS number FROM events GROUP BY entity_id ORDER BY entity_id"
    drawn = page(f"/sql?show=Chart&sql={quote(sql)}")
    run_linked(drawn)
    expect(drawn.locator(".st-key-sql-chart svg.marks")).to_contain_text("<SCRIPT>ALERT")
    inert(drawn)
    row_of(drawn, "sql-tables", "events").get_by_role("button").click()
    row_of(drawn, "sql-columns", "entity_id").get_by_role("button").click()
    expect(column(drawn, 0, "sql-top").filter(has_text="<SCRIPT>ALERT").first).to_be_visible()
    inert(drawn)


@pytest.mark.full
def test_set_up_still_works_beside_them(page):
    drawn = page("/set-up")
    expect(drawn.locator(".st-key-last-User-Created")).to_contain_text("2 in all")
    inert(drawn)
