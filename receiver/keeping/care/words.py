"""Quantities in words."""

_UNITS = ((86400, "d"), (3600, "h"), (60, "min"))


def seconds_in_words(seconds: float) -> str:
    """Write a duration in its largest unit."""
    for size, unit in _UNITS:
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.1f} s"


def bytes_in_words(count: float) -> str:
    """Write a size in its largest unit."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if count < 1024:  # noqa: PLR2004 - the step of these units
            return f"{count:,.0f} {unit}" if unit == "bytes" else f"{count:,.1f} {unit}"
        count /= 1024
    return f"{count:,.1f} TiB"
