"""Witnesses: small experiments that show what the running Linux kernel does, beside what the model says.

>>> from tux3nb.witness import run_witnesses
>>> for report in run_witnesses(["private-follows-file"]):
...     print(report.witness.name, report.verdict, report.reason)

Nothing here needs a compiler.  On other systems than Linux the witnesses can be listed and are SKIPPED.
"""

from tux3nb.witness.base import CASES, Report, Verdict, Witness
from tux3nb.witness.recordings import kernel_facts, load_recording
from tux3nb.witness.runner import list_witnesses, run_witnesses

__all__ = [
    "CASES",
    "Report",
    "Verdict",
    "Witness",
    "kernel_facts",
    "list_witnesses",
    "load_recording",
    "run_witnesses",
]
