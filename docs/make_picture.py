"""Write docs/rdma.svg, the picture of the README: `.venv/bin/python docs/make_picture.py` after `make report`."""

import os
from pathlib import Path

from tux3nb.notebook import check, ownership

os.environ["TUX3NB_DOT"] = "graphviz-pure"  # its bytes are the same on every machine


def main():
    """The last state of the shortest run on which Tux3 loses a device's write."""
    picture = ownership(check("rdma", "tux3"), "I2")
    path = Path(__file__).with_name("rdma.svg")
    path.write_text(picture.svg + "\n", encoding="utf-8")
    print(path.name, "shows", picture.text.splitlines()[0])


if __name__ == "__main__":
    main()
