"""Charts: drawn by matplotlib, which writes SVG without a browser and without an address of another host."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Callable, Sequence
from typing import Any

from tux3nb.errors import UserError
from tux3nb.show.cells import Shown


def drawn(draw: Callable[[Any], None], words: Sequence[str], size: tuple[float, float]) -> Shown:
    """What `draw` puts on a matplotlib figure of so many inches, with its text equivalent.

    UserError where matplotlib cannot be loaded.
    """
    try:
        import matplotlib
        from matplotlib.backends.backend_svg import FigureCanvasSVG
        from matplotlib.figure import Figure
    except ImportError as e:
        raise UserError(f"matplotlib cannot be loaded ({e}); install it with: pip install matplotlib") from None
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "tux3nb", "font.size": 9}):
        figure = Figure(figsize=size, layout="constrained")
        draw(figure)
        out = io.StringIO()
        FigureCanvasSVG(figure).print_svg(out, metadata={"Date": None})
    svg = out.getvalue()
    data = base64.b64encode(svg.encode()).decode()
    said = html.escape("; ".join(words))
    page = f'<img alt="{said}" style="max-width:100%" src="data:image/svg+xml;base64,{data}">'
    return Shown("\n".join(words), page, svg=svg)
