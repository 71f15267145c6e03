"""The signs of the verdicts, their colours and words: one table for tables, for all cases at once, for the explorer."""

import html
from dataclasses import dataclass

from tux3nb.engine.result import HOLDS, NOT_PROMISED, REFUSED, UNFINISHED, UNREACHED, VIOLATED


@dataclass(frozen=True)
class Sign:
    """A letter, its look in a style sheet (good, bad, off or open), what it means, and the explorer's shape: the path
    that is filled, and the one drawn on it.
    """

    letter: str
    look: str
    says: str
    shape: tuple[str, str] = ("", "M3 8h10")


SIGNS = {
    HOLDS: Sign("✓", "good", "holds", ("M8 1a7 7 0 1 0 .01 0z", "M4.5 8.3l2.5 2.5 4.6-5.2")),
    VIOLATED: Sign("✗", "bad", "broken", ("M5 1h6l4 4v6l-4 4H5l-4-4V5z", "M5 5l6 6M11 5l-6 6")),
    REFUSED: Sign("◇", "open", "holds, because somebody is turned away", ("M8 1l7 7-7 7-7-7z", "M4.8 11.2l6.4-6.4")),
    UNREACHED: Sign(
        "□", "open", "holds, but what it is about never happens",
        ("M1.5 1.5h13v13h-13z", "M8 5a3 3 0 1 0 .01 0zM4.5 11.5l7-7"),
    ),
    UNFINISHED: Sign("△", "open", "not finished", ("M8 1l7.4 13.4H.6z", "M8 5.5v4M8 11.4v1.2")),
    NOT_PROMISED: Sign("–", "off", "broken, and never promised: a kernel without deltas has no cut to keep"),
}  # fmt: skip
# Both colours are set, so that a verdict reads on a light and on a dark page alike.
_COLOURS = {
    "bad": ("#a40e1c", "#ffe9e6"),
    "good": ("#1a6a2b", "#e3f6e6"),
    "off": ("#4d5560", "#eceff2"),
    "open": ("#6b4400", "#fff1c2"),
}


def sign_of(word: str) -> Sign:
    """The sign of a verdict, whatever it says in brackets of how far an exploration came."""
    return SIGNS.get(word) or SIGNS[UNFINISHED]


def style_of(word: str) -> str:
    """A verdict's two colours as a style."""
    ink, back = _COLOURS[sign_of(word).look]
    return f"color:{ink};background:{back}"


def legend() -> str:
    """The signs with what they mean, as HTML."""
    told = (f'<b style="{style_of(word)};padding:0 3px">{sign.letter}</b> {sign.says}' for word, sign in SIGNS.items())
    return "; ".join(told)


def verdict_html(word: str, note: str = "") -> str:
    """A verdict as a coloured word with a sign before it, and a small note below."""
    ink, _ = _COLOURS[sign_of(word).look]
    below = f'<br><small style="color:{ink}">{html.escape(note)}</small>' if note else ""
    style = f"{style_of(word)};border-radius:4px;padding:1px 6px;display:inline-block;text-align:left"
    broken = html.escape(word).replace("(", "<wbr>(")
    return f'<span style="{style}"><b>{sign_of(word).letter}&nbsp;{broken}</b>{below}</span>'
