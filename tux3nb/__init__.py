"""An executable design document for Tux3 page forking, the copy-on-write of page-cache folios."""

__version__ = "0.1.0"
