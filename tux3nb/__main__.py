"""`python -m tux3nb` is the same as the `tux3nb` command."""

import sys

from tux3nb.safepath import safe_path

sys.path[:] = safe_path()  # `-m` has put the current folder first

from tux3nb.cli import main  # noqa: E402  (what it imports must come from elsewhere)

if __name__ == "__main__":
    sys.exit(main())
