"""A verdict as a word that also has a sign and a colour."""

import html

# Both colours are set, so that a verdict reads on a light and on a dark page alike.
_COLOURS = {
    "VIOLATED": ("✗", "#a40e1c", "#ffe9e6"),
    "HOLDS": ("✓", "#1a6a2b", "#e3f6e6"),
    "NOT PROMISED": ("–", "#4d5560", "#eceff2"),
}
_OPEN = ("○", "#6b4400", "#fff1c2")  # UNFINISHED(...), HOLDS(refused), HOLDS(unreached)


def verdict_html(word: str, note: str = "") -> str:
    """A verdict as a coloured word with a sign before it, and a small note below."""
    sign, ink, back = _COLOURS.get(word, _OPEN)
    below = f'<br><small style="color:{ink}">{html.escape(note)}</small>' if note else ""
    style = f"color:{ink};background:{back};border-radius:4px;padding:1px 6px;display:inline-block;text-align:left"
    broken = html.escape(word).replace("(", "<wbr>(")
    return f'<span style="{style}"><b>{sign}&nbsp;{broken}</b>{below}</span>'


def sign_and_look(word: str) -> tuple[str, str]:
    """A verdict's sign, and the name of its look in a style sheet: good, bad, off or open."""
    looks = {"VIOLATED": "bad", "HOLDS": "good", "NOT PROMISED": "off"}
    return _COLOURS.get(word, _OPEN)[0], looks.get(word, "open")
