"""Bodies that are made to cost as much as they can."""

from collections.abc import Iterator

MIB = 1024 * 1024

_REPEATED = {
    "nested arrays": b"[",
    "nested objects": b'{"k":',
    "arrays nested as deep as is taken": b"[" * 900 + b"]" * 900 + b",",
    "one number of many digits": b"9",
    "numbers": b"1,",
    "fractions": b"1.5,",
    "signs without digits": b"- ",
    "broken numbers": b"-x",
    "exponents without digits": b"e ",
    "numbers beyond a double": b"1e400,",
    "integers beyond a double": b"9" * 400 + b",",
    "wide numbers within a double": b"0." + b"3" * 400 + b",",
    "empty strings": b'"",',
    "quotes": b'"',
    "backslashes": b"\\",
    "escaped quotes": b'\\"',
    "escaped surrogates": b"\\ud800",
    "line ends": b"\n",
    "characters of four bytes": "\U0001f600".encode(),
    "bytes that are no UTF-8": b"\xff",
    "empty objects": b"{},",
    "small objects": b'{"a":1},',
    "control characters": b"\x01",
}
_FRAMES = {
    "an array": (b'{"k":[', b"1]}"),
    "an array, cut off": (b'{"k":[', b""),
    "a string": (b'{"k":"', b'"}'),
    "a string, cut off": (b'{"k":"', b""),
    "a key": (b'{"', b'":1}'),
    "an array behind a number beyond a double": (b'{"n":1e400,"k":[', b"1]}"),
    "an array behind a number beyond a double, cut off": (b'{"n":1e400,"k":[', b""),
    "links": (b'{"links":[', b"1]}"),
    "triggers": (b'{"triggers":[', b"1]}"),
    "a URI": (b'{"uri":"/v2/accounts/', b'"}'),
    "nothing": (b"", b""),
}


def hostile_bodies(size: int = MIB) -> Iterator[tuple[str, bytes]]:
    """Give each kind of body with its name, just under `size` bytes long."""
    for inner, unit in (_REPEATED | {"percent signs": b"%41"}).items():
        for outer, (begin, end) in _FRAMES.items():
            yield f"{inner} in {outer}", begin + unit * ((size - len(begin) - len(end)) // len(unit)) + end
