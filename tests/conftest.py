"""For all tests: examples have no clock, so that a busy machine fails none; Ctrl-C reaches what a test starts."""

import signal

from hypothesis import settings

settings.register_profile("tux3nb", deadline=None)
settings.load_profile("tux3nb")

if (
    signal.getsignal(signal.SIGINT) is signal.SIG_IGN
):  # a shell starts what is in the background so; children inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)
