"""The page Notifications: the histogram, watching live, one that is opened, the refused ones, files to download."""

import hashlib
import json
import re
import subprocess

import openpyxl
import pyarrow.parquet as pq
import pytest
from playwright.sync_api import expect

from analytics.text import make_visible
from tests.browser.viewers import VIEWPORT
from tests.browser.watching import column, download, expect_total, fill, tab, texts
from tests.support.keys import signed
from tests.support.processes import PreparedReceiver, running
from tests.support.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("tabs")]

SENT = 130
SERVER = "WA1ACMEWEB01"
BODY = ' {"accountAlias":"ACME", "userName":"o\'neil", "note":"$(x) `y` \\"z\\" \\u0041 %s",\n\t"n": 1.50}'
FORMULA = {"accountAlias": "ACME", "userName": "=cmd|' /C calc'!A0", "emailAddress": "+1+1", "status": "Active"}
LIVE = "/notifications?refresh=1+s"
STILL = "/notifications?refresh=off"
ALARM = {"metric": "cpu", "state": "triggered", "data": {"cpuPercent": 93.5}}
TABLE = """[...document.querySelectorAll('.st-key-notifications *')].map((e) => e.shadowRoot).find(Boolean)
  ?.querySelector('table') ?? document.querySelector('.st-key-notifications table')"""
FOCUSED = """() => {
  let element = document.activeElement;
  while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
  return element?.closest('tr')?.dataset.id ?? null;
}"""


def post(live, event, body):
    data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    before = live.one("SELECT count(*) FROM notifications")
    assert live.receiver.sender.post(f"/webhooks/{event}", data).status == 200
    until(lambda: live.one("SELECT count(*) FROM notifications") == before + 1, what="the store")


def server(**changed):
    details = {"cpu": 2, "memoryMB": 4096, "powerState": "started", **changed}
    return {
        "name": SERVER,
        "details": details,
        "status": "active",
        "changeInfo": {"modifiedBy": "ann@acme.example"},
        "links": [{"rel": "account", "href": "/v2/accounts/ACME", "id": "ACME"}],
    }


@pytest.fixture(scope="module", autouse=True)
def _history(live):
    live.simulate("--count", str(SENT), "--rate", "0", "--seed", "3")
    post(live, "Server.Created", server())
    post(live, "Server.Updated", server(cpu=8))
    post(live, "Server.Updated", server(cpu=8, powerState="stopped"))
    post(live, "User.Updated", BODY)
    post(live, "User.Created", FORMULA)
    headers = {"Content-Type": "application/json"}
    for name in ("ONE", "TWO"):
        assert (
            live.receiver.sender.post("/webhooks/Server.Updated", f'{{"name":"{name}"}}'.encode(), headers).status
            == 401
        )
    assert live.receiver.sender.post("/webhooks/User.Created", b"\xff\x00 no json").status == 400
    live.until_refused(3)


def rows(page):
    return page.locator(".st-key-notifications tbody tr")


def detail_name(page):
    return page.locator(".st-key-detail-name [data-testid=stText]")


def opened_seq(page):
    return int(re.search(r"[?&]seq=(\d+)", page.url)[1])


def test_the_list_is_paused_counts_what_comes_and_shows_it_on_a_click(live, watch):
    page = watch(live.url).open(LIVE)
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    held = texts(column(page, 0))
    total = live.one("SELECT count(*) FROM events")
    post(live, "User.Updated", {"accountAlias": "ACME", "userName": "late.comer"})
    expect(page.get_by_role("button", name="1 new")).to_be_visible()
    post(live, "User.Updated", {"accountAlias": "ACME", "userName": "later.comer"})
    expect(page.get_by_role("button", name="2 new")).to_be_visible()
    page.set_viewport_size({"width": 1000, "height": 900})
    head, chart = (page.locator(f".st-key-{key}").bounding_box() for key in ("list-total", "histogram"))
    assert head["y"] + head["height"] <= chart["y"], "above the chart, whose title would lie below the number"
    page.set_viewport_size(VIEWPORT)
    expect(column(page, 0)).to_have_text(held)
    expect_total(page, total)
    again = watch(live.url).open(page.url.removeprefix(live.url))
    expect(column(again, 0)).to_have_text(held)
    page.get_by_role("button", name="2 new").click()
    expect(rows(page).first).to_contain_text("LATER.COMER")
    expect(page.get_by_role("button", name="2 new")).to_have_count(0)
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    post(live, "User.Updated", {"accountAlias": "ACME", "userName": "last.comer"})
    page.get_by_role("button", name="Resume").click()
    expect(rows(page).first).to_contain_text("LAST.COMER")
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    expect(page).not_to_have_url(re.compile("paused="))


@pytest.mark.full
def test_the_list_stays_while_one_is_open_and_follows_again_when_it_is_closed(live, watch):
    page = watch(live.url).open(LIVE)
    rows(page).nth(2).locator("td").nth(1).click()
    expect(detail_name(page)).to_be_visible()
    first = texts(column(page, 2))[0]
    post(live, "User.Updated", {"accountAlias": "ACME", "userName": "meanwhile"})
    expect(page.get_by_role("button", name="1 new")).to_be_visible()
    expect(column(page, 2).first).to_have_text(first)
    page.get_by_role("button", name="Close", exact=True).click()
    page.mouse.move(5, 5)  # the list is where the button was, and waits for a pointer in it
    expect(rows(page).first).to_contain_text("MEANWHILE")


def expect_focus(page, seq):
    until(lambda: page.evaluate(FOCUSED) == seq, what=f"the focus on {seq}")


def test_the_keyboard_moves_through_the_rows_opens_and_closes(live, watch):
    page = watch(live.url).open(LIVE)
    expect(rows(page)).to_have_count(50)
    seqs = [row["seq"] for row in live.receiver.sql("SELECT seq FROM events ORDER BY seq DESC LIMIT 50")]
    keys = page.keyboard
    keys.press("j")
    expect_focus(page, str(seqs[0]))
    keys.press("j")
    keys.press("ArrowDown")
    expect_focus(page, str(seqs[2]))
    keys.press("k")
    expect_focus(page, str(seqs[1]))
    keys.press("Enter")
    expect(detail_name(page)).to_be_visible()
    expect(page).to_have_url(re.compile(f"seq={seqs[1]}\\b"))
    keys.press("ArrowDown")
    keys.press("ArrowDown")
    keys.press("ArrowUp")
    expect_focus(page, str(seqs[2]))
    keys.press("Enter")
    expect(page).to_have_url(re.compile(f"seq={seqs[2]}\\b"))
    keys.press("Escape")
    expect(page.locator(".st-key-detail")).to_have_count(0)
    keys.press("End")
    expect_focus(page, str(seqs[-1]))
    keys.press("Home")
    expect_focus(page, str(seqs[0]))
    for _ in range(5):  # a row is a stop, and so are the names in it, but no other row
        keys.press("Tab")
        assert page.evaluate(FOCUSED) in {str(seqs[0]), None}
    assert page.evaluate(FOCUSED) is None


def test_a_link_shows_the_list_around_its_notification_and_a_key_opens_the_next_one(live, watch):
    seqs = [row["seq"] for row in live.receiver.sql("SELECT seq FROM events ORDER BY seq DESC")]
    place = 70  # on the second page, with more than half a page of older ones
    page = watch(live.url).load(f"{STILL}&seq={seqs[place]}")
    chosen = page.locator(".st-key-notifications tr.chosen")
    expect(chosen).to_have_attribute("data-id", str(seqs[place]))
    expect(chosen).to_be_in_viewport()
    expect(rows(page).first).to_have_attribute("data-id", str(seqs[place - 25]))
    expect(page.locator(".st-key-pager")).to_contain_text("46 to 95 of")
    page.keyboard.press("j")
    expect(page).to_have_url(re.compile(f"seq={seqs[place + 1]}\\b"))
    expect(chosen).to_have_attribute("data-id", str(seqs[place + 1]))
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(chosen).to_have_attribute("data-id", str(seqs[place - 1]))
    expect(rows(page).first).to_have_attribute("data-id", str(seqs[place - 25]))
    page.keyboard.press("Escape")
    expect(page.locator(".st-key-detail")).to_have_count(0)
    expect(rows(page).first).to_have_attribute("data-id", str(seqs[place - 25]))
    page.get_by_role("button", name="Newest").click()
    expect(rows(page).first).to_have_attribute("data-id", str(seqs[0]))


def test_escape_closes_what_is_open_over_the_page_first(live, watch):
    page = watch(live.url).open(STILL)
    rows(page).nth(2).locator("td").nth(1).click()
    expect(detail_name(page)).to_be_visible()
    page.get_by_role("button", name=re.compile("Copy as curl")).click()
    expect(page.locator(".st-key-curl-command")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".st-key-curl-command")).to_have_count(0)
    expect(detail_name(page)).to_be_visible()


@pytest.mark.full
def test_refreshes_keep_the_chart_the_table_and_the_focus(live, watch):
    page = watch(live.url).open(LIVE)
    expect(page.locator(".st-key-histogram svg.marks")).to_be_visible()
    expect(rows(page)).to_have_count(50)
    page.keyboard.press("j")
    focused = page.evaluate(FOCUSED)
    page.evaluate(f"() => {{ window.kept = [document.querySelector('.st-key-histogram svg.marks'), {TABLE}]; }}")
    for number in range(3):
        post(live, "User.Updated", {"accountAlias": "ACME", "userName": f"refresh{number}"})
        expect(page.locator(".st-key-notifications .news")).to_have_text(f"{number + 1} new ↑")
    assert page.evaluate(FOCUSED) == focused
    page.locator(".st-key-title h3").click()
    expect(rows(page).first).to_contain_text("REFRESH2")
    assert page.evaluate("() => window.kept.map((element) => element.isConnected)") == [True, True]


def test_an_opened_one_tells_what_it_changed_and_leads_to_its_neighbours(live, watch):
    page = watch(live.url).open(f"{STILL}&entity={SERVER}")
    said = ["powered it off", "changed the number of CPUs from 2 to 8", "created server"]
    expect(column(page, 4)).to_have_text(said)
    rows(page).first.locator("td").nth(1).click()
    neighbours = page.locator(".st-key-neighbours")
    expect(neighbours).to_contain_text("3 of 3 notifications of this server")
    expect(neighbours.get_by_role("button", name="Later")).to_be_disabled()
    changed = page.locator(".st-key-differences tbody tr")
    expect(changed).to_have_count(1)
    expect(changed.first).to_contain_text("details.powerState")
    expect(changed.first).to_contain_text("started")
    expect(changed.first).to_contain_text("stopped")
    neighbours.get_by_role("button", name="Earlier").click()
    expect(neighbours).to_contain_text("2 of 3 notifications of this server")
    expect(changed.first).to_contain_text("details.cpu")
    neighbours.get_by_role("button", name="Earlier").click()
    expect(page.locator(".st-key-difference")).to_contain_text("Seen for the first time")
    neighbours.get_by_role("button", name="Later").click()
    expect(neighbours).to_contain_text("2 of 3 notifications of this server")


@pytest.mark.full
def test_a_row_says_what_it_changed_and_marks_a_copy_and_what_a_finding_doubts(live, watch):
    name = "WA1ACMESAYS01"
    for event, body in [
        ("Server.Created", {**server(cpu=2), "name": name}),
        *[("Server.Updated", {**server(cpu=4), "name": name})] * 2,
        ("Server.Updated", {"accountAlias": "ACME", "name": name}),
        ("Alert.Notification", {"accountAlias": "ACME", "serverName": name, "triggers": [ALARM]}),
    ]:
        post(live, event, body)
    page = watch(live.url).open(f"{LIVE}&entity={name}&copies=true")
    doubted = re.compile("^Body of another event; ")
    changed = "changed the number of CPUs from 2 to 4"
    said: list[str | re.Pattern[str]] = ["alert: CPU above its threshold, at 93.5 %", doubted]
    said += ["a copy, which changes nothing", changed, "created server"]
    expect(column(page, 4)).to_have_text(said)
    expect(column(page, 4).nth(1)).to_have_class(re.compile("notice"))
    expect(column(page, 4).nth(2)).to_have_class(re.compile("quiet"))
    column(page, 4).first.click()
    expect(page.locator(".st-key-detail")).to_contain_text("Alert: CPU above its threshold, at 93.5 %")


@pytest.mark.full
def test_watched_paused_opened_copied_as_curl_and_sent_to_a_receiver_that_records(live, watch, tmp_path):
    page = watch(live.url, permissions=["clipboard-read", "clipboard-write"]).open(LIVE)
    post(live, "User.Updated", BODY + "\n")
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    rows(page).filter(has_text="O'NEIL").first.locator("td").nth(1).click()
    expect(detail_name(page)).to_have_text("User.Updated")
    seq = opened_seq(page)
    page.get_by_role("button", name=re.compile("Copy as curl")).click()
    command = page.locator(".st-key-curl-command code")
    expect(command).to_contain_text(f"{live.receiver.url}/webhooks/User.Updated")
    with running(PreparedReceiver, tmp_path / "data", CLC_SIGNATURES="record") as other:
        fill(page, "Receiver's address", other.url)
        expect(command).to_contain_text(f"{other.url}/webhooks/User.Updated")
        command.hover()
        page.locator(".st-key-curl-command").get_by_role("button", name="Copy").click()
        page.wait_for_function(f"async () => (await navigator.clipboard.readText()).includes('{other.url}')")
        copied = page.evaluate("() => navigator.clipboard.readText()")
        done = subprocess.run(["sh", "-c", copied], check=False, capture_output=True, cwd=tmp_path, timeout=60)
        assert done.stdout.endswith(b"ok"), (done, copied)
        until(lambda: other.sql("SELECT count(*) AS n FROM notifications")[0]["n"] == 1, what="the other store")
        kept = "SELECT payload::VARCHAR AS payload, base64(signature) AS signature, signature_status, event_type"
        (sent,) = live.receiver.sql(f"{kept} FROM notifications WHERE seq = ?", [seq])
        assert other.sql(f"{kept} FROM notifications") == [sent]
        assert sent["payload"].startswith(BODY)


def test_the_body_is_saved_byte_for_byte_and_the_signature_is_beside_it(live, watch):
    watched = watch(live.url)
    page = watched.open(f"{STILL}&text=%24(x)")
    rows(page).last.locator("td").nth(1).click()
    data, name = download(page, page.get_by_role("button", name="Download body"))
    assert hashlib.sha256(data).hexdigest() == hashlib.sha256(BODY.encode()).hexdigest()
    assert name == f"User.Updated-{opened_seq(page)}.json"
    page.get_by_role("button", name="Signature", exact=True).click()
    (signature,) = (value for name, value in signed(BODY.encode()).items() if name.lower() == "tier3-rsasha1")
    expect(page.locator(".st-key-plain-signature code")).to_have_text(signature)
    page = watched.open("/notifications?list=Refused&reason=not_json")
    page.locator(".st-key-refused-list tbody tr").first.locator("td").nth(1).click()
    data, _ = download(page, page.get_by_role("button", name="Download body"))
    assert data == b"\xff\x00 no json"


@pytest.mark.full
def test_the_filtered_list_is_saved_in_each_format(live, watch, tmp_path):
    page = watch(live.url).open(f"{STILL}&text=calc")
    expect_total(page, 1)
    page.locator(".st-key-download").get_by_role("button").click()
    box = page.locator("[data-testid=stPopoverBody]")
    expect(box).to_contain_text("1 notification, 0.0 MB of bodies")
    exact = json.dumps(FORMULA)

    data, name = download(page, box.get_by_role("button", name="CSV"))
    assert re.fullmatch(r"notifications-\d{8}-\d{6}\.csv", name)
    assert b",\"'=CMD|' /C CALC'!A0\"," in data
    data, name = download(page, box.get_by_role("button", name="Excel"))
    (tmp_path / name).write_bytes(data)
    sheet = openpyxl.load_workbook(tmp_path / name)["Rows"]
    cells = {head.value: cell for head, cell in zip(sheet[1], sheet[2], strict=True)}
    assert (cells["entity_id"].value, cells["entity_id"].data_type) == ("'=CMD|' /C CALC'!A0", "s")
    assert cells["payload"].value == exact
    data, name = download(page, box.get_by_role("button", name="Parquet"))
    (tmp_path / name).write_bytes(data)
    (row,) = pq.read_table(tmp_path / name).to_pylist()
    assert (row["entity_id"], row["payload"]) == ("=CMD|' /C CALC'!A0", exact)
    data, name = download(page, box.get_by_role("button", name="JSON lines"))
    (line,) = data.splitlines()
    assert json.loads(line)["body"] == exact
    assert name.endswith(".jsonl")


def test_refused_ones_are_filtered_by_a_click_on_their_reason_which_says_what_to_do(live, watch):
    page = watch(live.url).open("/notifications?list=Refused&refresh=off")
    reasons = page.locator(".st-key-reasons tbody tr")
    expect(reasons).to_have_count(2)
    expect(reasons.first).to_contain_text("Unsigned")
    expect(reasons.first).to_contain_text("start the receiver with CLC_SIGNATURES=record")
    reasons.first.locator("button").first.click()
    expect(page.locator(".st-key-refused-list tbody tr")).to_have_count(2)
    expect(page).to_have_url(re.compile("reason=signature_missing"))
    expect(page.locator(".st-key-refused-head")).to_contain_text("2 refused notifications: Unsigned")
    page.get_by_role("button", name="All reasons").click()
    expect(page.locator(".st-key-refused-list tbody tr")).to_have_count(3)
    reasons.last.locator("button").first.press("Enter")
    expect(page.locator(".st-key-refused-list tbody tr")).to_have_count(1)


@pytest.mark.full
def test_the_raw_body_is_shown_as_it_was_received(live, watch):
    page = watch(live.url).open(f"{STILL}&text=%24(x)")
    rows(page).last.locator("td").nth(1).click()
    tab(page, "Raw")
    expect(page.locator(".st-key-payload-raw code")).to_have_text(make_visible(BODY, keep="\n"))
    tab(page, "About")
    expect(page.locator(".st-key-facts")).to_contain_text("Received")
