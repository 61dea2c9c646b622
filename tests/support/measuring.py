"""Measures what is drawn: what a finger must hit, and texts that are cut."""

from playwright.sync_api import Page

ALL = """
const inside = (root) => [...root.querySelectorAll("*")].flatMap(
  (one) => [one, ...(one.shadowRoot ? inside(one.shadowRoot) : [])]);
const isSeen = (one) => one.checkVisibility({ opacityProperty: true, visibilityProperty: true });
const above = (one) => {
  const chain = [];
  for (let each = one; each; each = each.parentElement ?? each.getRootNode().host) chain.push(each);
  return chain;
};
const keyOf = (chain) => chain.flatMap((each) => [...each.classList]).find((name) => name.startsWith("st-key-"));
"""
# A row that opens what its names do is a target itself; what is disabled or passes a touch on is none.
SMALL = f"""(least, inRow) => {{ {ALL}
  const small = [];
  for (const one of inside(document)) {{
    if (!one.matches("a[href], button, summary, [role=button], [role=tab], label:has(input[type=checkbox])")) continue;
    const {{ pointerEvents, clipPath }} = getComputedStyle(one);
    if (one.disabled || !isSeen(one) || pointerEvents === "none" || clipPath !== "none") continue;
    const {{ width, height, left, right }} = one.getBoundingClientRect();
    if (width <= 1 || right < 0 || left > innerWidth) continue;
    if (height < (one.closest(".opens tbody tr") ? inRow : least)) {{
      const name = one.getAttribute("aria-label") ?? one.textContent.trim();
      small.push(`${{name}}: ${{height}} px in ${{keyOf(above(one))}}`);
    }}
  }}
  return small;
}}"""
# A hover tells the rest of a text, where there is a mouse; a tap on a row shows all of its sentence. The editor and
# places that scroll show it all.
CUT = f"""(isTouched) => {{ {ALL}
  const isCut = (node, chain) => {{
    const range = document.createRange();
    range.selectNodeContents(node);
    const text = range.getBoundingClientRect();
    for (const holder of chain) {{
      const {{ overflowX, clipPath }} = getComputedStyle(holder);
      const box = holder.getBoundingClientRect();
      if (clipPath !== "none" || box.width <= 1 || ["auto", "scroll"].includes(overflowX)) return false;
      if (["hidden", "clip"].includes(overflowX)) return text.right > box.right + 1 || text.left < box.left - 1;
    }}
    return false;
  }};
  const cuts = [];
  for (const one of inside(document)) {{
    if (one.closest("svg, style, script, .cm-editor") || !isSeen(one)) continue;
    const chain = above(one);
    if (isTouched ? one.closest("td.says") : chain.some((each) => each.title)) continue;
    const texts = [...one.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
    cuts.push(...texts.filter((node) => isCut(node, chain)).map((node) => `${{node.data}} in ${{keyOf(chain)}}`));
  }}
  const drawn = [...document.querySelectorAll("svg text")].filter(isSeen).map((one) => one.textContent);
  return [...cuts, ...drawn.filter((text) => text.endsWith("…"))];
}}"""


def find_small(page: Page, least: int, in_row: int) -> list[str]:
    """Return what a finger must hit that is lower than `least` pixels, or in a row that is a target than `in_row`."""
    return page.evaluate(f"([least, inRow]) => ({SMALL})(least, inRow)", [least, in_row])


def find_cut(page: Page, *, touched: bool) -> list[str]:
    """Return the texts that are cut and can't be read otherwise; on a touched screen there is no hover."""
    return page.evaluate(CUT, touched)
