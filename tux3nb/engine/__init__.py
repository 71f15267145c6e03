"""A model checker for families of designs; it knows nothing of pages."""
