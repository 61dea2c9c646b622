"""Charts in notebooks: drawn without a network, by Jupyter itself and as a picture for exported notebooks."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import altair as alt
import orjson
import vl_convert

from analytics.export.sql_formats import to_json

_JUPYTER_MIME = "application/vnd.vegalite.v5+json"
_JUPYTER_SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
"""JupyterLab draws charts of this version by itself; Altair's own way fetches a script from elsewhere for each chart.

Source: `@jupyterlab/vega5-extension` of JupyterLab 4.
"""
PICTURE_ROOM: dict[str, Any] = {"padding": {"left": 30, "right": 30, "top": 5, "bottom": 5}}
"""The space around a picture: a browser's font may be wider than the one that the picture was measured with."""
_DAY = "%b %d"
TIMES: dict[str, Any] = {
    "axisTemporal": {
        "format": {
            **dict.fromkeys(("quarter", "month", "week", "date", "day"), _DAY),
            "hours": "%H:%M",
            "minutes": "%H:%M",
            "seconds": "%H:%M:%S",
        },
        "labelSeparation": 8,
    },
    "timeFormat": "%Y-%m-%d %H:%M",
}
"""The form of times in axes and tooltips that name none. Vega's own has twelve hours, without AM or PM at minutes."""
NO_ROWS = "There are no rows to draw."
OFFLINE = "offline"


def draw_offline(spec: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Return a chart in the forms that Jupyter chooses from, by their MIME types; without rows a sentence says so."""
    rows = spec.get("datasets")
    if rows is not None and not any(rows.values()):
        return {"text/plain": NO_ROWS}
    spec = orjson.loads(orjson.dumps(spec, default=as_json, option=orjson.OPT_PASSTHROUGH_DATETIME))
    spec |= {"config": TIMES | spec.get("config", {})}
    return {
        _JUPYTER_MIME: spec | {"$schema": _JUPYTER_SCHEMA},
        "image/svg+xml": vl_convert.vegalite_to_svg(PICTURE_ROOM | spec),
        "text/plain": "<a chart>",
    }


def as_json(value: Any) -> Any:
    """Return a value of a chart's rows that Altair leaves as it is: a decimal as a number, a date as its midnight."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, date) and not isinstance(value, datetime):
        return f"{value.isoformat()}T00:00:00"  # a browser takes a date alone for UTC, and other times for local ones
    return to_json(value)


def draw_charts_offline() -> None:
    """Let Altair draw all charts of this notebook so."""
    alt.renderers.register(OFFLINE, draw_offline)
    alt.renderers.enable(OFFLINE)
