"""Pictures: a layout made once by Graphviz, and the words that each state gives to its parts."""

from tux3nb.show.picture.cards import Card, Edge, Picture, build
from tux3nb.show.picture.layout_engine import LayoutError, find_engine, svg, use_in_graphviz

__all__ = ["Card", "Edge", "LayoutError", "Picture", "build", "find_engine", "svg", "use_in_graphviz"]
