"""What the commands that explore have in common: their limits, and the line that tells how far they are."""

from __future__ import annotations

import argparse
import re

from tqdm import tqdm

from tux3nb.engine.result import Limits
from tux3nb.errors import positive

UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def configure(parser: argparse.ArgumentParser):
    """Declare the command's arguments."""
    parser.add_argument("--max-states", type=positive(int), metavar="N", help="give up after N states")
    parser.add_argument("--max-memory", type=size, metavar="SIZE",
                        help="give up when a process has grown to SIZE bytes, as 500M or 2G")  # fmt: skip
    parser.add_argument("--max-time", type=positive(float), metavar="SECONDS", help="give up after so long")


def limits(args) -> Limits:
    """The limits that were asked for."""
    return Limits(args.max_states, args.max_time, args.max_memory)


def size(text: str) -> int:
    """Bytes: ``2G``, ``1.5G``, ``500M``, ``800K``, or just a number."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([KMGT]?)(?:i?B)?", text, re.IGNORECASE)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is no size; write 2G, 500M or a number of bytes")
    return int(float(found[1]) * UNITS[found[2].upper()])


class Progress:
    """A line on a terminal's standard error, from the second second on: how far an exploration is."""

    def __init__(self):
        self.bar = tqdm(unit=" states", unit_scale=True, delay=1, disable=None, leave=False)

        self.told = ""

    def workers(self, found: dict[str, tuple[int, float, int]]):
        """How each worker is: address -> states, states a second, bytes of memory."""
        each = (f"{n / 1e6:.1f}M at {rate:,.0f}/s in {size / (1 << 30):.1f}G" for n, rate, size in found.values())
        self.told = f", workers: {'; '.join(each)}"

    def __call__(self, layer: int, frontier: int, states: int, rate: float):  # noqa: ARG002  (the bar knows the rate)
        self.bar.set_postfix_str(f"layer {layer}, frontier {frontier:,}{self.told}", refresh=False)
        self.bar.update(states - self.bar.n)
        if not frontier:
            self.bar.close()
