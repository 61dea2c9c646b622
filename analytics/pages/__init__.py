"""The pages of the dashboard: the only modules, with app_dashboard, that import Streamlit."""

import sys

# Altair imports jsonschema, which imports rfc3987_syntax where Jupyter is installed. That builds a parser for seconds,
# and every first page would wait for it. No chart's schema has an IRI to check.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
