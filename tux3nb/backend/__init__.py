"""One rule source, several ways to run it: plain Python (one state at a time) and numpy (a frontier at a time)."""
