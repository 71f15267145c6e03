"""For all tests: examples that a library makes have no clock, so that a busy machine fails none."""

from hypothesis import settings

settings.register_profile("tux3nb", deadline=None)
settings.load_profile("tux3nb")
