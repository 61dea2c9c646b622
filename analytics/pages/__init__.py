"""The pages of the dashboard: the only modules, with app_dashboard, that import Streamlit."""

import sys

# Altair imports jsonschema, and that, where Jupyter is installed too, rfc3987_syntax, which makes a parser for seconds:
# every first page would wait for it. No schema of a chart has an IRI to be checked.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
