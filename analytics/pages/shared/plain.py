"""Text letter by letter, with a button that copies it.

Streamlit's `st.code` does that too, but loads 1.5 MB of a highlighter first, also where nothing is highlighted: it kept
the pages with payloads and addresses back by 0.1 to 0.2 s.
"""

from analytics.pages.shared.components.script import script

HTML = '<div class="plain"><pre tabindex="0" role="region"><code></code></pre><button type="button">Copy</button></div>'


def plain(text: str, *, key: str, alt: str, wrap: bool = True, height: int | None = None) -> None:
    """Draw a text.

    Args:
        text: the text, of which lines stay lines.
        key: the name of the text on the page.
        alt: what the text is, for those who do not see it.
        wrap: whether long lines go on in a new one, instead of being scrolled.
        height: from how many pixels on it scrolls.
    """
    script("plain", HTML)(key=f"plain-{key}", data={"text": text, "alt": alt, "wrap": wrap, "height": height})
