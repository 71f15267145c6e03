"""Small ctypes wrappers around the Linux calls that experiments need; importing them is safe anywhere."""
