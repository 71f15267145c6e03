"""How fast the exploration is, side by side with other checkers: ``python -m benchmarks`` (see README.md)."""
