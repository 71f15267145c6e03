"""For all tests: examples have no clock, so that a busy machine fails none; Ctrl-C reaches what a test starts."""

import signal

from hypothesis import settings

settings.register_profile("tux3nb", deadline=None)
settings.load_profile("tux3nb")

# A shell starts what is in the background so, and `nohup` does; children inherit it.
for number, handler in ((signal.SIGINT, signal.default_int_handler), (getattr(signal, "SIGHUP", None), signal.SIG_DFL)):
    if number is not None and signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, handler)
