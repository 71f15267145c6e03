"""An executable design document for Tux3 page forking, the copy-on-write of page-cache folios.

What notebooks use is in `tux3nb.notebook`; the command line is ``tux3nb --help``.
"""

__version__ = "0.1.0"
