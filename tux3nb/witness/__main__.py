"""``python -m tux3nb.witness``."""

import argparse
import sys

from tux3nb.witness.cli import configure, run

parser = argparse.ArgumentParser(prog="tux3nb witness")
configure(parser)
sys.exit(run(parser.parse_args()))
