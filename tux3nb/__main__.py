"""`python -m tux3nb` is the same as the `tux3nb` command."""

import sys

from tux3nb.cli import main

if __name__ == "__main__":
    sys.exit(main())
