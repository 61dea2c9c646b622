"""The examples of SQL in the documentation."""

import re
from pathlib import Path

DOCS = Path(__file__).parents[3] / "docs"
EXAMPLES = [
    example
    for page in ("sql.md", "tables.md")
    for example in re.findall(r"```sql\n(?!/\*)(.*?);?\n```", (DOCS / page).read_text("utf-8"), re.DOTALL)
]
