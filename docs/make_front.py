"""Write what of the README comes out of the model: `.venv/bin/python docs/make_front.py` after `make report`.

That is the picture docs/rdma.svg, told by the shortest run on which Tux3 as posted loses what a device wrote; the
answer in three lines, from the records; and the list of the notebooks.
"""

import html
import re
import textwrap
from pathlib import Path

from tux3nb.notebook import check, comic, short_answer
from tux3nb.paths import notebooks_dir
from tux3nb.report.execute import read
from tux3nb.report.export import summary_of, title_of
from tux3nb.report.places import all_notebooks

FRONT = Path(__file__).parents[1] / "README.md"
PICTURE = Path(__file__).with_name("rdma.svg")

PANEL, GAP, TOP = 232, 12, 12  # widths in user units; the picture scales
INKS = {"app": "#0b4f8a", "device": "#8a4b00", "writer": "#6a2c8f"}
BACKS = {"app": "#dcebf9", "device": "#fdebd0", "writer": "#efe1f7"}
LINE, CELL = 15, 62
LETTERS, BOLD = 34, 30  # that fit a line of a panel


def frames(text: str) -> list[tuple[str, list[list[str]]]]:
    """The pictures of a comic's text: a caption, and rows of a folio, its two cells, and who looks at it."""
    found = []
    for block in re.split(r"\n(?=\d: )", text):
        head, *rows = block.splitlines()
        found.append((head.partition(": ")[2], [[*re.split(r" {2,}", row.strip()), ""][:4] for row in rows]))
    return found


def text(x: float, y: float, said: str, look: str = "") -> str:
    """A line of text."""
    return f'<text x="{x:g}" y="{y:g}" {look}>{html.escape(said)}</text>'


def cell(x: float, y: float, said: str) -> str:
    """A cell: whose bytes it has, with a red edge where these are not what a reader must see."""
    broken, words = "≠" in said, said.replace("≠", "").split()
    author = words[1] if len(words) > 1 else ""
    edge = 'stroke="#a40e1c" stroke-width="3"' if broken else 'stroke="#8b949e"'
    box = f'<rect x="{x}" y="{y}" width="{CELL}" height="26" fill="{BACKS.get(author, "#fff")}" {edge}/>'
    look = f'text-anchor="middle" font-weight="bold" fill="{INKS.get(author, "#1f2328")}"'
    return box + text(x + CELL / 2, y + 17, author or "old", look)


def panel(n: int, caption: str, rows: list[list[str]], captions: int, last: bool) -> str:
    """One moment: what was done since the last one, and where the bytes are now."""
    x, y = GAP + n * (PANEL + GAP), TOP
    out = [f'<rect x="{x}" y="{y}" width="{PANEL}" height="{height(captions) - 2 * TOP}" rx="6" fill="#f6f8fa"/>']
    ink = ' fill="#a40e1c"' if last else ""
    for k, line in enumerate(textwrap.wrap(caption, BOLD if last else LETTERS)):
        out.append(text(x + 10, y + 20 + k * LINE, line, f'font-weight="bold"{ink}' if last else ""))
    y += 20 + captions * LINE
    for k, (title, one, two, looks) in enumerate(rows):
        at = y + k * 76
        out += [text(x + 10, at + 17, title, 'font-weight="bold"'), cell(x + 88, at, one), cell(x + 154, at, two)]
        seen = textwrap.wrap(f"seen by {looks}", 36)
        out += [text(x + 10, at + 44 + i * 14, line, 'fill="#4d5560" font-size="11.5"') for i, line in enumerate(seen)]
    return "".join(out)


def height(captions: int) -> int:
    """Of the picture, with so many lines of caption."""
    return TOP * 2 + 20 + captions * LINE + 2 * 76


def picture() -> str:
    """The SVG: four moments beside each other."""
    told = frames(comic(check("rdma", "tux3"), "I2").text)
    captions = max(len(textwrap.wrap(caption, BOLD)) for caption, _ in told)
    wide = GAP + len(told) * (PANEL + GAP)
    panels = "".join(panel(n, *frame, captions, n == len(told) - 1) for n, frame in enumerate(told))
    said = html.escape(" ".join(caption for caption, _ in told))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {height(captions)}" role="img" font-size="12.5" '
        f'font-family="system-ui, Segoe UI, DejaVu Sans, sans-serif" fill="#1f2328"><title>{said}</title>'
        f'<rect width="{wide}" height="{height(captions)}" fill="#fff"/>{panels}</svg>\n'
    )


def notebooks() -> str:
    """A line of a table for each notebook: its title as a link, and what it is about."""
    rows = []
    for path in all_notebooks(notebooks_dir()):
        found = read(path)
        title = f"{path.stem[:2]} {title_of(found, path.stem)}".replace("|", "\\|")
        rows.append(f"| [{title}](notebooks/{path.name}) | {summary_of(found).replace('|', ' ')} |")
    return "\n".join(["| notebook | |", "|---|---|", *rows])


def filled(readme: str) -> str:
    """The README with its blocks as they come out now."""
    for name, block in {"answer": short_answer().markdown, "notebooks": notebooks()}.items():
        begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        before, _, rest = readme.partition(begin)
        readme = f"{before}{begin}\n{block}\n{end}{rest.partition(end)[2]}"
    return readme


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
    FRONT.write_text(filled(FRONT.read_text(encoding="utf-8")), encoding="utf-8")
