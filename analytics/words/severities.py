"""How the severities of findings are shown."""

from collections.abc import Mapping

# Colours are for a light and a dark page; marks tell severities apart where colours do not.
COLOURS: Mapping[str, tuple[str, str]] = {
    "high": ("#c22f45", "#ea6a7b"),
    "medium": ("#e08a00", "#f0a53c"),
    "low": ("#7f95ab", "#8ea4ba"),
}
MARKS: Mapping[str, str] = {"high": "▲ high", "medium": "◆ medium", "low": "● low"}
