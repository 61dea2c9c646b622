"""A store with the notifications of two senders: each page shows both and tells them apart."""

import hmac
import re
import subprocess
import sys

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import a_live_one
from tests.browser.watching import choose, column, expect_total, go_back, row_of, texts
from tests.support.processes import Sender, environment
from tests.support.sizes import take_few
from tests.support.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("tabs")]

SECRET = {"CLC_SECRET_GITHUB": "a secret for tests alone"}
REPOSITORY = "baxterthehacker/public-repo"
LINE_PIXELS = 48
NAME = ".st-key-detail-name [data-testid=stText]"
CHIP = ".st-key-chip-sender button"
TITLES = ["CenturyLink Cloud", "GitHub"]


@pytest.fixture(scope="module")
def live(browser, tmp_path_factory):  # noqa: ARG001 - without one there is nothing to start
    data_dir = tmp_path_factory.mktemp("two") / "data"
    with a_live_one(data_dir, **SECRET) as started:
        started.simulate("--count", "20", "--rate", "0", "--seed", "5")
        send_of_github(started, data_dir)
        yield started


def send_of_github(live, data_dir):
    """Send what GitHub sends, and wait until it is stored."""
    subprocess.run(
        [sys.executable, "-m", "receiver", "simulate", "--sender", "github", "--to", live.receiver.url],
        env=environment(data_dir, **SECRET),
        cwd=data_dir,
        check=True,
        capture_output=True,
        timeout=60,
    )
    until(lambda: live.one("SELECT count(DISTINCT sender) FROM notifications") == 2, what="both senders")


@pytest.fixture(scope="module")
def alike(browser, tmp_path_factory):  # noqa: ARG001 - without one there is nothing to start
    """A store in which two senders have an account of the same alias."""
    secret = "0123456789abcdef0123456789abcdef"
    with a_live_one(tmp_path_factory.mktemp("alike") / "data", CLC_SECRET_GENERIC_HMAC=secret) as started:
        started.simulate("--event", "Account.Updated", "--account", "DEMO")
        body = b'{"event":"invoice.paid","account":"DEMO","data":{"id":"inv-17"}}'
        signature = hmac.new(secret.encode(), body, "sha256").hexdigest()
        Sender(started.receiver.url).post("/senders/generic-hmac", body, {"X-Signature-256": signature})
        until(lambda: started.one("SELECT count(DISTINCT sender) FROM notifications") == 2, what="both senders")
        yield started


def open_with_both(watch, live, address):
    """Open a page once the dashboard has learned of the second sender: it looks each ten seconds."""
    page = watch(live.url).open(address)
    expect(sender_filter(page)).to_be_attached()
    return page


def sender_filter(page):
    """Return the filter by sender, which is there once several are known."""
    return page.get_by_role("combobox", name="Sender", include_hidden=True)


@pytest.mark.full
def test_a_page_that_is_open_without_refresh_learns_of_a_second_sender(watch, tmp_path):
    with a_live_one(tmp_path / "data", **SECRET) as live:
        live.simulate("--count", "3", "--rate", "0")
        page = watch(live.url).open("/notifications?refresh=off")
        expect(column(page, 1)).to_have_count(3)
        expect(sender_filter(page)).to_have_count(0)
        send_of_github(live, tmp_path / "data")
        expect(sender_filter(page)).to_be_attached()


@pytest.mark.full
def test_the_list_of_notifications_names_the_sender_and_is_filtered_by_it(live, watch):
    page = open_with_both(watch, live, "/notifications?refresh=off")
    assert set(texts(column(page, 1))) == set(TITLES)
    title = page.locator(".st-key-notifications th", has_text="Sender")
    expect(title).to_be_visible()
    choose(page, "Sender", "GitHub")
    expect(page.locator(CHIP)).to_contain_text("Sender: GitHub")
    expect(column(page, 1).filter(has_text="CenturyLink")).to_have_count(0)
    expect(title).to_be_hidden()
    assert set(texts(column(page, 1))) == {"GitHub"}
    page.get_by_role("link", name="Audit").click()
    expect(page.locator(CHIP)).to_contain_text("Sender: GitHub")
    rows = page.locator(".st-key-changes tbody tr")
    expect(rows.filter(has_text="GitHub")).not_to_have_count(0)
    expect(rows.filter(has_not_text="GitHub")).to_have_count(0)
    go_back(page, "Notifications")
    page.locator(CHIP).click()
    expect(column(page, 1).filter(has_text="CenturyLink")).not_to_have_count(0)


@pytest.mark.full
def test_in_a_narrow_bar_the_field_of_accounts_gives_way_to_the_age(live, watch):
    page = watch(live.url, viewport={"width": 1250, "height": 800}).open("/notifications?refresh=off")
    expect(sender_filter(page)).to_be_attached()
    assert page.locator(".st-key-bar .age").evaluate("age => age.scrollWidth <= age.clientWidth"), "it is whole"
    assert page.locator(".st-key-bar").bounding_box()["height"] <= LINE_PIXELS


UNREADABLE = """fields => fields.filter(field => field.checkVisibility()).filter(field => {
    const pen = document.createElement("canvas").getContext("2d");
    pen.font = getComputedStyle(field).font;
    const text = field.value || field.placeholder;
    // A name may end with dots where there is no room, but not in its first word; nothing else may.
    const least = /Account|Sender/.test(field.ariaLabel) && field.value ? `${text.split(" ")[0]}…` : text;
    return pen.measureText(least).width > field.clientWidth - parseFloat(getComputedStyle(field).paddingLeft);
}).map(field => `${field.ariaLabel}: ${field.value || field.placeholder}`)"""


@pytest.mark.full
@pytest.mark.parametrize("width", [1280, 390])
def test_the_fields_of_the_bar_show_what_is_chosen(live, watch, width):
    live.simulate("--event", "Account.Updated", "--account", "DEMO")
    watched = watch(live.url, viewport={"width": width, "height": 844})
    for address in ("/?range=24+h", "/notifications?when=15+min", "/audit?range=24+h"):
        page = watched.open(f"{address}&refresh=off&account=DEMO&sender=centurylink")
        for _ in range(2 if width == 390 else 1):
            expect(sender_filter(page)).to_be_attached()
            assert page.locator(".st-key-bar [data-testid=stSelectbox] input").evaluate_all(UNREADABLE) == [], address
            if width == 390:
                page.locator(".st-key-filters-button button").click()


CRAMPED_NAMES = """tables => tables.flatMap(table => table.matches(".stacks") ? [] : [...table.tBodies[0].rows])
    .flatMap(row => [...row.querySelectorAll("td > button:not([hidden])")]).filter(name => {
        if (name.textContent.includes(" ")) return false; // a sentence
        const [box, cell] = [name.getBoundingClientRect(), name.closest("td")];
        return box.height > 3.5 * parseFloat(getComputedStyle(name).lineHeight) || cell.scrollWidth > cell.clientWidth;
    }).map(name => name.textContent)"""


@pytest.mark.full
@pytest.mark.parametrize("width", take_few([1100, 900, 1280], 2))
def test_no_name_of_several_parts_takes_four_lines_or_is_cut(live, watch, width):
    watched = watch(live.url, viewport={"width": width, "height": 900})
    for address, key in {"/notifications?range=all": "notifications", "/audit?range=all": "changes"}.items():
        page = open_with_both(lambda _: watched, live, f"{address}&refresh=off&sender=github")
        expect(row_of(page, key, REPOSITORY)).to_be_visible()
        assert page.locator(f".st-key-{key} table").evaluate_all(CRAMPED_NAMES) == [], address


AGE_AND_NEWEST = """line => {
    const age = document.createRange(), [newest] = line.querySelector(".more").getClientRects();
    age.setStart(line, 0);
    age.setEndBefore(line.querySelector("wbr"));
    const [shown, all] = [line.getBoundingClientRect(), age.getBoundingClientRect()];
    return [all.right <= shown.right && all.bottom <= shown.bottom, newest.top < shown.bottom];
}"""
"""Whether the age is whole, and whether the newest notification's is shown."""


@pytest.mark.full
def test_in_a_full_bar_the_newest_notification_gives_way_to_the_age(live, watch):
    own = "range=own&own=2026-01-01T08:00:00Z/2026-01-02T08:00:00Z"
    page = watch(live.url, viewport={"width": 1280, "height": 800}).open(f"/?refresh=off&{own}")
    expect(sender_filter(page)).to_be_attached()
    expect(page.locator(".st-key-bar .age .more")).to_be_attached()
    for width in range(1280, 1180, -10):  # the bar is full at one of these, whatever the font
        page.set_viewport_size({"width": width, "height": 800})
        is_whole, is_newest_shown = page.locator(".st-key-bar .age").evaluate(AGE_AND_NEWEST)
        assert is_whole, width
        assert page.locator(".st-key-bar").bounding_box()["height"] <= LINE_PIXELS, width
        if not is_newest_shown:
            return
    pytest.fail("the newest notification never gives way")


@pytest.mark.full
def test_an_alias_of_two_senders_is_chosen_with_its_sender(alike, watch):
    page = open_with_both(watch, alike, "/notifications")
    expect(column(page, 1)).to_have_count(2)
    choose(page, "Account", "Any sender with an HMAC")
    expect(column(page, 1)).to_have_text(["Any sender with an HMAC"])
    expect(page).to_have_url(re.compile("account=DEMO.*sender=generic-hmac|sender=generic-hmac.*account=DEMO"))
    page.get_by_role("link", name="Activity").click()
    expect(page.locator(".st-key-entities-list tbody tr")).to_have_count(1)
    expect(page.get_by_role("combobox", name="Account")).to_have_value(re.compile("HMAC"))


@pytest.mark.full
def test_activity_counts_both_and_one_alone(live, watch):
    page = open_with_both(watch, live, "/activity?range=all&refresh=off")
    expect(row_of(page, "entities-list", REPOSITORY)).to_be_visible()
    expect(row_of(page, "types-list", "Server.")).to_be_visible()
    choose(page, "Sender", "GitHub")
    expect(page.locator(".st-key-types-list tbody tr", has_text="Server.")).to_have_count(0)
    row_of(page, "entities-list", REPOSITORY).get_by_text("↗").click()
    expect(page.locator(NAME)).to_have_text(REPOSITORY)


@pytest.mark.full
def test_findings_name_their_sender_and_are_filtered_by_it_and_so_are_the_rules_to_choose_from(live, watch):
    page = open_with_both(watch, live, "/audit?range=all&refresh=off&findings=all")
    removed = row_of(page, "findings", "removed the protection")
    expect(removed).to_contain_text("GitHub")
    choose(page, "Sender", "CenturyLink Cloud")
    expect(page.locator(CHIP)).to_contain_text("CenturyLink Cloud")
    expect(removed).to_have_count(0)
    assert "Force push to the default branch" not in list_options(page, "Rule")
    choose(page, "Sender", "GitHub")
    expect(removed).to_be_visible()
    assert "Force push to the default branch" in list_options(page, "Rule")


def list_options(page, label):
    """Return what can be chosen."""
    page.get_by_role("button", name="Filters").first.click()
    page.get_by_role("combobox", name=label).click()
    expect(page.get_by_role("option").first).to_be_visible()
    options = page.get_by_role("option").all_inner_texts()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Filters").first.click()
    return options


@pytest.mark.full
def test_a_name_in_any_letter_case_leads_to_its_entity_and_what_the_sender_told_is_marked(live, watch):
    page = watch(live.url).open(f"/entity?refresh=off&category=repository&name={REPOSITORY.upper()}&sender=github")
    expect(page.locator(NAME)).to_have_text(REPOSITORY)
    expect(page.locator(".st-key-entity-name")).to_contain_text("repository · GitHub")
    row_of(page, "steps", "repository.edited").locator("td").first.click()
    expect(row_of(page, "differences", "description")).to_contain_text("told by the sender")
    search = page.locator(".st-key-search input")
    search.fill("BaxterTheHacker/PUBLIC-repo#2")
    search.press("Enter")
    expect(page.locator(NAME)).to_have_text(f"{REPOSITORY}#2")


@pytest.mark.full
def test_a_notification_says_what_its_signature_proves_and_offers_no_evidence_that_only_a_key_pair_gives(live, watch):
    page = open_with_both(watch, live, "/notifications?refresh=off&sender=github")
    column(page, 2).first.click()
    expect(page.locator(".st-key-verdict")).to_contain_text("Verified with the secret that GitHub shares")
    expect(page.locator(".st-key-download-body")).to_be_visible()
    expect(page.locator(".st-key-curl-popover, .st-key-signature-popover")).to_have_count(0)


@pytest.mark.full
def test_alerts_offers_accounts_of_senders_with_alerts_and_says_of_others_that_there_are_none(live, watch):
    of_alerts = live.one("SELECT min(account_alias) FROM notifications WHERE sender = 'centurylink'")
    live.simulate("--event", "Alert.Notification", "--account", of_alerts)
    page = watch(live.url).open("/alerts?account=baxterthehacker")
    expect(page.locator(".st-key-nothing")).to_contain_text("an account of GitHub, which sends no alerts")
    page.get_by_role("button", name="Clear value").click()
    expect(page.locator(".st-key-in-alarm-card")).to_contain_text(re.compile(r"\d metrics? in alarm now"))
    page.get_by_role("combobox", name="Account").click()
    expect(page.get_by_role("option", name=of_alerts)).to_be_visible()
    expect(page.get_by_role("option", name="baxterthehacker")).to_have_count(0)


@pytest.mark.full
def test_activity_of_a_sender_without_alerts_calls_nothing_in_alarm(live, watch):
    live.simulate("--event", "Alert.Notification")
    page = open_with_both(watch, live, "/activity?range=all&refresh=off")
    alarms = page.locator(".st-key-sign-alarms button").first
    expect(alarms).to_contain_text(re.compile(r"[1-9]\d* servers? in alarm"))
    choose(page, "Sender", "GitHub")
    expect(alarms).to_contain_text("0 servers in alarm")
    choose(page, "Sender", "CenturyLink Cloud")
    expect(alarms).to_contain_text(re.compile(r"[1-9]\d* servers? in alarm"))


@pytest.mark.full
def test_set_up_says_of_each_other_sender_whether_it_is_set_up(live, watch):
    page = watch(live.url).open("/set-up?refresh=off")
    expect(page.locator(".st-key-last-github")).to_contain_text("received")
    assert texts(page.locator(".st-key-how-to strong").filter(has_text=re.compile("|".join(TITLES)))) == TITLES
    heading = page.locator("strong", has_text=re.compile(r"^CenturyLink Cloud$")).last.bounding_box()
    steps, urls = (page.locator(f".st-key-{key}").bounding_box() for key in ("how-to", "targets"))
    assert steps["y"] + steps["height"] <= heading["y"] < urls["y"]
    expect(page.locator(".st-key-last-stripe")).to_contain_text("set CLC_SECRET_STRIPE")


@pytest.mark.full
@pytest.mark.parametrize("width", take_few([768, 390, 1280], 2))
def test_set_up_shows_each_target_url_whole_with_its_button_beside_it(live, watch, width):
    page = watch(live.url, viewport={"width": width, "height": 900}).open("/set-up?refresh=off")
    urls = page.locator(".st-key-targets .plain, .st-key-other-senders .plain, .st-key-how-to .plain")
    expect(page.locator(".st-key-last-stripe")).to_be_attached()
    assert urls.count() > len(TITLES)
    for url in urls.all():
        text, button = url.locator("pre"), url.get_by_role("button", name="Copy")
        assert text.evaluate("text => text.scrollWidth <= text.clientWidth"), text.inner_text()
        end = text.bounding_box()["x"] + text.bounding_box()["width"]
        assert end <= button.bounding_box()["x"], text.inner_text()


@pytest.mark.full
def test_the_steps_of_a_sender_have_its_url_to_copy_and_name_the_setting_of_its_secret(live, watch):
    page = watch(live.url, permissions=["clipboard-read", "clipboard-write"]).open("/set-up?refresh=off")
    steps = page.locator(".st-key-how-to")
    expect(steps).to_contain_text("from its setting CLC_SECRET_GITHUB, or from the file github in CLC_SECRETS_DIR")
    steps.get_by_role("button", name="Copy").click()
    page.wait_for_function("async () => (await navigator.clipboard.readText()).endsWith('/senders/github')")
    numbers = steps.locator("ol").evaluate_all("lists => lists.map(list => list.start)")
    assert numbers == [1, 1, 4]


@pytest.mark.full
def test_the_number_of_notifications_of_a_sender_on_set_up_leads_to_these_notifications(live, watch):
    page = watch(live.url).open("/set-up?refresh=off")
    button = page.locator(".st-key-last-github").get_by_role("button", name=re.compile("[0-9,]+ in all"))
    count = int(button.inner_text().partition(" ")[0].replace(",", ""))
    button.click()
    expect_total(page, count)
    for value in ("sender=github", "copies=true"):
        expect(page).to_have_url(re.compile(f"/notifications.*[?&]{value}"))


@pytest.mark.full
def test_kinds_of_entities_are_chosen_by_the_words_that_lists_have(live, watch):
    body = b'{"action":"created","repository":{"full_name":"acme/site"},"issue":{"number":3},"comment":{"id":9}}'
    signature = hmac.new(SECRET["CLC_SECRET_GITHUB"].encode(), body, "sha256").hexdigest()
    headers = {"X-GitHub-Event": "issue_comment", "X-Hub-Signature-256": f"sha256={signature}"}
    assert Sender(live.receiver.url).post("/senders/github", body, headers).status == 200
    until(lambda: live.one("SELECT count(*) FROM notifications WHERE category = 'issue_comment'"), what="the comment")
    page = open_with_both(watch, live, "/entity?refresh=off")
    choose(page, "Category", "comment")
    expect(page).to_have_url(re.compile(r"[?&]among=issue_comment\b"))
    expect(column(page, 1, "found")).to_have_text(["comment"])
    page.reload()
    expect(page.get_by_role("combobox", name="Category")).to_have_value("comment")
    expect(column(page, 1, "found")).to_have_text(["comment"])
