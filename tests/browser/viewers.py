"""The browsers of the tests, and the pages that stay open from one test to the next."""

import json

from playwright.sync_api import Browser, BrowserContext

from tests.browser.watching import Watched

VIEWPORT = {"width": 1500, "height": 1400}


class Viewers:
    """Browsers by their options, each with a cache of its own, which is warm from its second page on."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._contexts: dict[tuple[str, int], BrowserContext] = {}

    def find(self, url: str, options: dict, number: int) -> BrowserContext:
        """Return the browser with these options that has this number among them."""
        key = (json.dumps(options, sort_keys=True), number)
        if key not in self._contexts:
            self._contexts[key] = self._browser.new_context(**{"viewport": VIEWPORT, **options})
            # The process of this page is that of all later ones, and has compiled Streamlit's scripts by then.
            self._contexts[key].new_page().goto(f"{url}/_stcore/health")
        return self._contexts[key]

    def forget(self) -> None:
        """Forget who was there before."""
        for context in self._contexts.values():
            context.clear_cookies()

    def close(self) -> None:
        """Close all of them."""
        for context in self._contexts.values():
            context.close()


class Tabs:
    """The pages of a test. Where they stay, the first with its options is that of the next test too."""

    def __init__(self, viewers: Viewers, *, stay: bool = False) -> None:
        self._viewers, self._stay = viewers, stay
        self._resting: dict[str, Watched] = {}
        self._used: dict[tuple[str, int], Watched] = {}

    def new(self, url: str, *, beside: bool = False, **options) -> Watched:
        """Return a page that is watched, in another browser than the test's others with these options, or beside them.

        Each browser has to fetch and compile the dashboard's scripts, which takes more than drawing a page.
        """
        key = json.dumps([url, options], sort_keys=True)
        number = sum(name == key for name, _ in self._used)
        watched = self._resting.pop(key, None) if number == 0 else None
        for other in self._resting.values():
            other.pause()
        if watched is None:
            page = self._viewers.find(url, options, 0 if beside else number).new_page()
            watched = Watched(page, url, stays=self._stay)
        self._used[key, number] = watched
        return watched

    def end(self, *, passed: bool) -> None:
        """End a test: no page of it may have done what it must not, and after one that failed none stays."""
        try:
            for watched in self._used.values():
                watched.check()
            if passed:
                self._rest()
        finally:
            if self._used or not passed:
                self.close()

    def _rest(self) -> None:
        while self._used:
            key, number = next(iter(self._used))
            watched = self._used[key, number]
            if number == 0 and watched.rest():
                self._resting[key] = watched
            else:
                watched.close()
            del self._used[key, number]

    def close(self) -> None:
        """Close all pages."""
        for watched in (*self._used.values(), *self._resting.values()):
            watched.close()
        self._used.clear()
        self._resting.clear()
