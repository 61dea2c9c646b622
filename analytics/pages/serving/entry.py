"""The location of the file that Streamlit runs."""

from pathlib import Path

import analytics
from analytics.errors import AnalyticsError


class DashboardError(AnalyticsError):
    """Raised when the dashboard can't be started."""


def entry_file() -> str:
    """Return the path of the Streamlit entry; it is beside this package, in a checkout and in an installation.

    Raises:
        DashboardError: the file is missing.
    """
    entry = Path(analytics.__file__).parent.parent / "app_dashboard.py"
    if not entry.is_file():
        raise DashboardError("app_dashboard.py is not installed; install clc-webhook-analytics again.")
    return str(entry)
