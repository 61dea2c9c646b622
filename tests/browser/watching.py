"""A page of the dashboard, with an eye on what it must not do."""

import re
from typing import Literal
from urllib.parse import urlsplit

from playwright.sync_api import Locator, Page, expect

from analytics.pages.pages import PAGES
from tests.support.browsing import answers
from tests.support.waiting import until

TITLES = {page.path: page.title for page in PAGES}
SECONDS = 60
AGE = ".st-key-freshness .age"
RESTING = {"/entity": "/health?refresh=off"}
"""Where a page of this path is left for; others are left for the entity's without a name, which is drawn quickest."""
LOADED = ("/set-up", "/sql")
"""Pages of a document of their own: what is left there can be met later, and a linked query waits only at the begin."""
GO = "address => window.clcGo(new URL(address, document.baseURI))"


class Watched:
    """A page of one dashboard, with the dialogs, errors and requests to other hosts that it caused."""

    def __init__(self, page: Page, url: str, *, stays: bool = False) -> None:
        self.page, self.url, self._stays = page, url, stays
        self._is_open, self._size = False, page.viewport_size
        self.dialogs: list[str] = []
        self.elsewhere: list[str] = []
        self.failures: list[str] = []
        page.set_default_timeout(SECONDS * 1000)
        page.on("dialog", self._dialog)
        page.on("request", lambda request: self._asked(request.url))
        page.on("websocket", lambda socket: self._asked(socket.url))
        page.on("popup", lambda popup: self.elsewhere.append(popup.url))
        page.on("pageerror", lambda error: self.failures.append(str(error)))
        page.on("console", self._said)

    def _dialog(self, dialog) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def _said(self, message) -> None:
        if "Content Security Policy" in message.text:
            self.failures.append(message.text)

    def _asked(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("data", "blob") and parts.netloc != urlsplit(self.url).netloc:
            self.elsewhere.append(url)

    def open(self, address: str) -> Page:
        """Open an address of the dashboard and wait until it is drawn; a document that stays is left for no other."""
        path = urlsplit(address).path
        if not self._is_open or path in LOADED or path.strip("/") not in TITLES:
            return self.load(address)
        if path == urlsplit(self.page.url).path:
            self._leave()
        self._go(address)
        return self.page

    def load(self, address: str) -> Page:
        """Open an address of the dashboard as a new document, and wait until it is drawn: its age comes last."""
        self.page.goto(self.url + address)
        self.page.locator(f"{AGE}, .st-key-not-running").first.wait_for()
        self._is_open = self._stays
        return self.page

    def rest(self) -> bool:
        """Leave nothing of a test that the next one could meet in this document; say whether it may use it."""
        if not (self._is_open and answers(f"{self.url}/_stcore/health") and self.page.locator(AGE).count()):
            return False
        if urlsplit(self.page.url).path in LOADED or self.page.viewport_size != self._size:
            return False
        self.page.unroute_all()
        self.page.mouse.move(0, 0)
        return True

    def pause(self) -> None:
        """Go where nothing is drawn again and again, while other pages are used."""
        if not self.page.url.endswith("?refresh=off"):
            self._leave()

    def close(self) -> None:
        """Close the page, and leave nothing in its browser."""
        if self.page.url.startswith(self.url):
            self.page.evaluate("() => { localStorage.clear(); sessionStorage.clear(); }")
        self.page.close()

    def _leave(self) -> None:
        """Go to another page, which asks nothing again."""
        self._go(RESTING.get(urlsplit(self.page.url).path, "/entity?refresh=off"))

    def _go(self, address: str) -> None:
        """Go to another page as the dashboard's own links do."""
        before = self.page.locator(AGE).get_attribute("data-turn") or ""
        self.page.evaluate(GO, address)
        expect(self.page.locator(".st-key-title h3")).to_have_text(TITLES[urlsplit(address).path.strip("/")])
        expect(self.page.locator(AGE)).not_to_have_attribute("data-turn", before)
        expect(self.page.locator("[data-stale=true]")).to_have_count(0)

    def check(self) -> None:
        """Assert that nothing happened that must not."""
        assert not self.dialogs, self.dialogs
        assert not self.elsewhere, self.elsewhere
        assert not self.failures, self.failures
        shown = self.page.locator("[data-testid=stException]").all_inner_texts()
        assert not shown, shown


def run_linked(page: Page) -> None:
    """Run the SQL that came with the address which a session began with."""
    expect(page.locator(".st-key-sql-results")).to_contain_text("This query came with a link.")
    page.locator(".st-key-sql-editor button.run").click()


def drawn_at(page: Page) -> str:
    """Read when a page was drawn: every refresh changes it, and nothing else does."""
    return page.locator(AGE).get_attribute("data-drawn-at") or ""


def expect_refreshed(page: Page, before: str) -> None:
    """Wait until a page is drawn again."""
    expect(page.locator(AGE)).not_to_have_attribute("data-drawn-at", before)


def go_back(page: Page, title: str) -> None:
    """Go back to a page of this title, and wait until nothing is left of the one before: a click on that is lost."""
    before = page.locator(AGE).get_attribute("data-turn") or ""
    page.go_back()
    expect(page.locator(".st-key-title h3")).to_have_text(title)
    expect(page.locator(AGE)).not_to_have_attribute("data-turn", before)
    expect(page.locator("[data-stale=true]")).to_have_count(0)


def texts(shown: Locator) -> list[str]:
    """Read texts off a page once there are some and nothing on it is left of the drawing before."""
    expect(shown.page.locator("[data-stale=true]")).to_have_count(0)
    expect(shown).not_to_have_count(0)
    return shown.all_inner_texts()


def column(page: Page, place: int, table: str = "notifications") -> Locator:
    """Find the cells of a column of one of our tables."""
    return page.locator(f".st-key-{table} tbody tr td:nth-child({place + 1})")


def row_of(page: Page, table: str, text: str) -> Locator:
    """Find the first row of one of our tables that has a text."""
    return page.locator(f".st-key-{table} tbody tr", has_text=text).first


def open_filters(page: Page) -> Locator:
    """Open the filters behind their button, unless they are open, and return them."""
    shown = page.locator(".st-key-filters")
    if not shown.is_visible():
        page.locator(".st-key-filters-button button").click()
    expect(shown).to_be_visible()
    return shown


def close_filters(page: Page) -> None:
    """Close the filters by a click elsewhere."""
    page.locator(".st-key-title h3").click()
    expect(page.locator(".st-key-filters")).to_be_hidden()


def find_field(page: Page, role: Literal["combobox", "textbox"], name: str) -> Locator:
    """Find a field by its label, and open the filters if it is behind their button."""
    field = page.get_by_role(role, name=name, exact=True, include_hidden=True)
    if page.locator(".st-key-filters-button").count() and not field.is_visible():
        open_filters(page)
    return field


def choose(page: Page, name: str, option: str, *, typed: str = "") -> None:
    """Choose from a list by its label, and close the filters; a long list shows an option once some of it is typed."""
    find_field(page, "combobox", name).click()
    page.keyboard.type(typed)
    # Without the mouse: on a busy machine Streamlit's list closes when the button goes down, and nothing is chosen.
    page.get_by_role("option", name=option).first.dispatch_event("click")
    page.locator(".st-key-title h3").click()  # a list of several choices stays open; Escape would take the choice away


def fill(page: Page, name: str, text: str) -> None:
    """Type into a field and leave it, and close the filters if it is behind their button."""
    field = find_field(page, "textbox", name)
    field.fill(text)
    field.press("Enter")
    if page.locator(".st-key-filters").is_visible():
        close_filters(page)


def expect_total(page: Page, total: int) -> None:
    """Wait until the pager says how many there are."""
    expect(page.locator(".st-key-pager")).to_contain_text(re.compile(rf"of {total:,}( notifications)?"))


def expect_range(page: Page, first: int, last: int) -> None:
    """Wait until the pager says which rows are shown."""
    expect(page.locator(".st-key-pager")).to_contain_text(f"{first:,} to {last:,} of")


def download(page: Page, button: Locator) -> tuple[bytes, str]:
    """Click a button, and return the content and the name of the file that it saves."""
    with page.expect_download() as saved:
        button.click()
    return saved.value.path().read_bytes(), saved.value.suggested_filename


def tab(page: Page, name: str) -> None:
    """Open a tab of the detail."""
    page.locator(".st-key-detail").get_by_role("tab", name=name, exact=True).click()


def expect_raw(page: Page, body: str) -> None:
    """Open the tab "Raw" of the detail and wait until it shows exactly this body."""
    tab(page, "Raw")
    raw = page.locator(".st-key-payload-raw code")
    until(lambda: raw.text_content() == body, what=f"{body!r} in the tab")
