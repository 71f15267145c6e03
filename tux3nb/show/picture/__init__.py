"""Pictures as data: a layout made once by Graphviz, and a table that says what each state shows in it."""

from tux3nb.show.picture.layout_engine import LayoutError, find_engine, svg, use_in_graphviz
from tux3nb.show.picture.ownership import World, ownership
from tux3nb.show.picture.table import Card, Edge, Flag, build, describe, still

__all__ = [
    "Card",
    "Edge",
    "Flag",
    "LayoutError",
    "World",
    "build",
    "describe",
    "find_engine",
    "ownership",
    "still",
    "svg",
    "use_in_graphviz",
]
