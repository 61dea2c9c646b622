"""Draws the charts of notebooks without a network: Jupyter's own drawing, and a picture for exported notebooks."""

from typing import Any

import altair as alt
import vl_convert

_JUPYTER_MIME = "application/vnd.vegalite.v5+json"
_JUPYTER_SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
"""JupyterLab draws charts of this version by itself; Altair's own way fetches a script from elsewhere for each chart.

Source: `@jupyterlab/vega5-extension` of JupyterLab 4.
"""
ROOM: dict[str, Any] = {"padding": {"left": 30, "right": 30, "top": 5, "bottom": 5}}
"""The space around a picture: a browser's font may be wider than the one that the picture was measured with."""
NAME = "offline"


def draw_offline(spec: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Return a chart in the forms that Jupyter chooses from, by their MIME types."""
    return {
        _JUPYTER_MIME: spec | {"$schema": _JUPYTER_SCHEMA},
        "image/svg+xml": vl_convert.vegalite_to_svg(ROOM | spec),
        "text/plain": "<a chart>",
    }


def draw_charts_offline() -> None:
    """Let Altair draw all charts of this notebook so."""
    alt.renderers.register(NAME, draw_offline)
    alt.renderers.enable(NAME)
