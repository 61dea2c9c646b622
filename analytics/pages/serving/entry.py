"""The file that Streamlit runs: where it lies."""

from pathlib import Path

import analytics
from analytics.errors import AnalyticsError


class DashboardError(AnalyticsError):
    """Raised when the dashboard can't be started."""


def entry_file() -> str:
    """Return the path of the Streamlit entry: it lies beside this package, in a checkout as in an installation.

    Raises:
        DashboardError: it is not there.
    """
    entry = Path(analytics.__file__).parent.parent / "app_dashboard.py"
    if not entry.is_file():
        raise DashboardError("app_dashboard.py is not installed; install clc-webhook-analytics again.")
    return str(entry)
