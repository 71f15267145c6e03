"""What a case in a file of its own imports: ``from tux3nb.case import Case, Source``.

A file defines one case, as ``CASE = Case(...)``; ``tux3nb check ./my_case.py`` explores it and compares it with its own
expectations, ``tux3nb matrix FOLDER`` does so with every case of a folder. `Case` says what its fields are.
"""

from tux3nb.cases.case import Case, Source

__all__ = ["Case", "Source"]
