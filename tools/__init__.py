"""Tools for who changes the rules; not in the wheel."""
