"""Makes requests of every sort by a seed: as the sender's, altered ones, and what is hardly HTTP any more."""

import json
import random
from copy import deepcopy
from typing import Any, NamedTuple

from receiver.senders.centurylink.events import EVENTS
from tests.support import bodies
from tests.support.keys import signed

_SHAPES = [
    json.loads(body)
    for body in (
        bodies.ACCOUNT, bodies.ACCOUNT_2013, bodies.ACCOUNT_DELETED, bodies.USER, bodies.USER_DELETED, bodies.SERVER,
        bodies.SERVER_REAL, bodies.SERVER_2013, bodies.SERVER_DELETED, bodies.ALERT,
    )
]  # fmt: skip
_ODD_VALUES: list[Any] = [
    None, True, -0.0, 1e308, 10**30, -1, "", " ", "\u0000", "\u2028 \U0001f4a9", "<b>&amp;</b>", "x" * 5000, [], {},
    [[[[]]]], {"": {"": ""}}, "2015-13-45T99:99:99Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z",
    "'; DROP TABLE notifications; --", "\u202e\ufeff", {"a": list(range(50))}, "NaN", "\\", '"',
]  # fmt: skip
_MARKS = [b"\x00", b"\xff", b"\xed\xa0\x80", b'"', b"\\", b"{", b"}", b",", b":", b"NaN", b"\\ud800", b"\xef\xbb\xbf"]
_METHODS = [b"PUT", b"PATCH", b"DELETE", b"OPTIONS", b"TRACE", b"GET", b"PROPFIND", b"X"]


class Request(NamedTuple):
    """A request: its bytes, the statuses that may answer it (None: closed without an answer), and its body."""

    kind: str
    data: bytes
    allowed: frozenset[int | None]
    body: bytes
    is_well_formed: bool = True


class Generator:
    """Makes requests, always the same for a seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._makers = [
            (30, self._shaped), (20, self._altered), (6, self._chunked), (6, self._unsigned), (6, self._misplaced),
            (6, self._other_method), (5, self._noisy), (1, self._large), (20, self._malformed),
        ]  # fmt: skip

    def request(self) -> Request:
        """Make one more."""
        weights = [weight for weight, _ in self._makers]
        return self._random.choices([make for _, make in self._makers], weights)[0]()

    def _shaped(self) -> Request:
        return self._post("shaped", self._shaped_body(), {200})

    def _altered(self) -> Request:
        return self._post("altered", self._mutated(self._shaped_body()), {200, 400})

    def _chunked(self) -> Request:
        body, parts = self._shaped_body(), list[bytes]()
        while rest := body[sum(map(len, parts)) :]:
            parts.append(rest[: self._random.randint(1, 400)])
        framed = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
        return self._post("chunked", body, {200}, framed=framed)

    def _unsigned(self) -> Request:
        other = self._random.choice([None, "", "?", "A" * 344, signed(b"another")["Tier3-RsaSha1"], "A" * 10_000])
        return self._post("unsigned", self._shaped_body(), {401}, signature=other)

    def _misplaced(self) -> Request:
        tail = "".join(self._random.choices("abcXYZ.%/?=&;'\xe9", k=self._random.randint(0, 30))).encode("latin-1")
        path = (
            self._random.choice([b"/webhooks/", b"/webhook/", b"/", b"http://x/webhooks/", b"//", b"*"]) + b"_" + tail
        )
        return self._post("misplaced", self._shaped_body(), {404}, path=path)

    def _other_method(self) -> Request:
        return self._post("method", self._shaped_body(), {405}, method=self._random.choice(_METHODS))

    def _noisy(self) -> Request:
        names = [f"X-{self._random.randrange(10**6)}" for _ in range(self._random.randint(1, 40))]
        noise = {name: self._random.randbytes(30).hex() + "\xe9\xff" for name in names}
        noise["X-Forwarded-For"] = self._random.choice(["", ",,,", "1.2.3.4, ::1, x", "\xff", "9" * 3000])
        noise["Cookie"] = "a" * self._random.randint(0, 4000)
        return self._post("noisy", self._shaped_body(), {200}, noise=noise)

    def _large(self) -> Request:
        return self._post("large", b'{"a":"' + b"x" * 1_050_000 + b'"}', {413}, signature="x")

    def _malformed(self) -> Request:
        whole = self._random.choice([self._shaped, self._altered, self._chunked, self._noisy])()
        data = self._mutated(whole.data, head_only=True)
        allowed = frozenset({200, 400, 401, 404, 405, 413, None})
        return Request("malformed", data, allowed, whole.body, is_well_formed=False)

    def _post(
        self,
        kind: str,
        body: bytes,
        allowed: set[int],
        *,
        method: bytes = b"POST",
        path: bytes | None = None,
        signature: str | None = "own",
        framed: bytes | None = None,
        noise: dict[str, str] | None = None,
    ) -> Request:
        headers = {"Host": "receiver.example", "Content-Type": "application/json; charset=utf-8", **(noise or {})}
        if signature is not None:
            headers["Tier3-RsaSha1"] = signed(body)["Tier3-RsaSha1"] if signature == "own" else signature
        headers |= {"Transfer-Encoding": "chunked"} if framed is not None else {"Content-Length": str(len(body))}
        if kind != "large" and self._random.random() < 0.3:
            headers["Expect"] = "100-continue"
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode("latin-1")
        head = method + b" " + (path or self._path()) + b" HTTP/1.1\r\n" + lines + b"\r\n"
        return Request(kind, head + (body if framed is None else framed), frozenset(allowed), body)

    def _path(self) -> bytes:
        event = self._random.choice([event for event in EVENTS if event.action])
        name = f"{event.category}.{event.action}"
        path = self._random.choice(
            [f"/webhooks/{name}", f"/webhook/{event.category}", f"/WEBHOOKS/{name.upper()}/?x=1"]
        )
        return path.encode()

    def _shaped_body(self) -> bytes:
        shape = json.loads(json.dumps(self._random.choice(_SHAPES)))
        for _ in range(self._random.choice([0, 0, 1, 2, 5])):
            self._alter(shape)
        separators = self._random.choice([(",", ":"), (", ", ": "), (" ,\t", " :\n")])
        text = json.dumps(shape, ensure_ascii=self._random.random() < 0.5, separators=separators)
        return text.encode()

    def _alter(self, shape: Any) -> None:
        """Change one value, at any depth."""
        while True:
            keys = list(shape) if isinstance(shape, dict) else list(range(len(shape)))
            if not keys:
                return
            key = self._random.choice(keys)
            if isinstance(shape[key], dict | list) and shape[key] and self._random.random() < 0.7:
                shape = shape[key]
                continue
            if self._random.random() < 0.3:
                del shape[key]
            else:
                shape[key] = deepcopy(self._random.choice(_ODD_VALUES))
            return

    def _mutated(self, data: bytes, *, head_only: bool = False) -> bytes:
        """Flip, cut, repeat or insert bytes."""
        for _ in range(self._random.choice([1, 1, 2, 8])):
            end = data.find(b"\r\n\r\n") + 4 if head_only and self._random.random() < 0.8 else len(data)
            at = self._random.randrange(max(1, min(end, len(data))))
            length = self._random.choice([1, 2, 10, 100])
            match self._random.randrange(5):
                case 0:
                    data = (
                        data[:at]
                        + bytes([data[at] ^ (1 << self._random.randrange(8))] if data else b"")
                        + data[at + 1 :]
                    )
                case 1:
                    data = data[:at] + data[at + length :]
                case 2:
                    data = data[: at + length] + data[at:]
                case 3:
                    data = data[:at] + self._random.choice(_MARKS) + data[at:]
                case _:
                    data = data[:at] + self._random.randbytes(length) + data[at:]
        return data
