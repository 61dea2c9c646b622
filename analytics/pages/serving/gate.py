"""Decides which requests the dashboard answers: those to its own hosts, from its own pages or a visitor.

Any page on the web can send a browser to `http://127.0.0.1:8501`, and by DNS rebinding under a name of its own. So the
dashboard answers under listed names only, and each answer forbids other pages to frame it, read it or send to it.
"""

import base64
import re
from collections.abc import Iterable
from hashlib import sha256
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
WILDCARDS = frozenset({"0.0.0.0", "::"})  # noqa: S104 - addresses to recognise
UPLOADS = "/_stcore/upload_file"
INLINE_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)
TEMPORARY_REDIRECT = 307
VIOLATED_POLICY = 1008
"""The code that closes a forbidden WebSocket (RFC 6455, 7.4.1)."""


class Hosts(NamedTuple):
    """The hosts of the dashboard: the address that it listens on, and the named ones."""

    address: str
    named: frozenset[str]

    def include(self, host: str) -> bool:
        """Say whether a `Host` header names the dashboard.

        On a wildcard address it answers under every IP address, because DNS rebinding can forge none.
        """
        name = parse_host(host)
        if name is None:
            return False
        if name in LOOPBACK or name == self.address or name in self.named:
            return True
        return self.address in WILDCARDS and is_ip_address(name)

    def include_page(self, origin: str, host: str) -> bool:
        """Say whether an `Origin` is a page of the dashboard; a proxy may have changed the `Host`."""
        try:
            sender = urlsplit(origin).netloc.lower()
        except ValueError:
            return False
        return sender == host.lower() or parse_host(sender) in self.named


def parse_host(host: str) -> str | None:
    """Return the name in a `Host` header without its port, in lower case; None where the header is malformed."""
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port
    except ValueError:
        return None
    name = (parts.hostname or "").rstrip(".")
    return name if name and parts.netloc == host and "@" not in host else None


def is_ip_address(name: str) -> bool:
    """Say whether a host is written as an IP address."""
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def make_policy(pages: Iterable[str]) -> str:
    """Return the Content-Security-Policy for HTML pages: scripts of the dashboard's own, and no other server.

    Streamlit imports the script of a component from a blob, so blobs are allowed.
    """
    inline = sorted({make_digest(script) for page in pages for script in INLINE_SCRIPT.findall(page)})
    directives = {
        "default-src": ["'none'"],
        "script-src": ["'self'", "blob:", *inline],
        "style-src": ["'self'", "'unsafe-inline'"],
        "img-src": ["'self'", "data:", "blob:"],
        "font-src": ["'self'", "data:"],
        "connect-src": ["'self'"],
        "worker-src": ["'self'", "blob:"],
        "manifest-src": ["'self'"],
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
    return "; ".join(" ".join((name, *values)) for name, values in directives.items())


def make_digest(script: str) -> str:
    """Return the source expression that allows one inline script."""
    return f"'sha256-{base64.b64encode(sha256(script.encode()).digest()).decode()}'"


def find_shorter(scope: Scope) -> str | None:
    """Return the relative address of what a path of several parts names last; None for one part.

    Streamlit has its page at every path, but a browser finds the page's scripts from a path of one part alone.
    """
    parents, _, name = scope["path"].strip("/").rpartition("/")
    query = scope["query_string"].decode("latin-1")
    return "../" * (parents.count("/") + 1) + quote(name) + (query and f"?{query}") if parents else None


class Gate:
    """Refuses requests to other hosts and from other pages, and uploads; adds the protecting headers to all answers.

    Args:
        app: answers the allowed requests.
        hosts: the hosts of the dashboard.
        content_policy: the Content-Security-Policy of all answers.
    """

    def __init__(self, app: ASGIApp, hosts: Hosts, content_policy: str) -> None:
        """Protect `app`."""
        self._app = app
        self._hosts = hosts
        self._headers = {
            "Content-Security-Policy": content_policy,
            "X-Frame-Options": "DENY",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer or refuse a request."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        why = self._find_refusal(scope)
        if why is None:
            await self._app(scope, receive, self._protect(send, find_shorter(scope)))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": VIOLATED_POLICY, "reason": why})
        else:
            await PlainTextResponse(f"{why}\n", 403)(scope, receive, self._protect(send))

    def _find_refusal(self, scope: Scope) -> str | None:
        headers = Headers(scope=scope)
        given, origins = headers.getlist("host"), headers.getlist("origin")
        if len(given) != 1 or not self._hosts.include(given[0]):
            return (
                "The dashboard does not answer under this host. Name the host in CLC_DASHBOARD_HOSTS where it is the "
                "dashboard's, behind a proxy for example."
            )
        if any(not self._hosts.include_page(origin, given[0]) for origin in origins):
            return "The dashboard takes nothing from pages of others."
        if UPLOADS in scope["path"]:
            return "The dashboard takes no uploads."
        return None

    def _protect(self, send: Send, shorter: str | None = None) -> Send:
        """Return a function that sends an answer with the protecting headers; a page is sent to a shorter address."""

        async def send_protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(self._headers)
                if shorter and headers.get("Content-Type", "").startswith("text/html"):
                    message["status"] = TEMPORARY_REDIRECT
                    headers["Location"] = shorter
            await send(message)

        return send_protected
