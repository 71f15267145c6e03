"""The hypothesis with which this project began: a policy that was thought to be perfect, written down before any run.

It says: if every hold is a counted pin, these ideas together keep every property. It names no value for a dirty call on
a clean folio and for the other features, so that these are Tux3's.
"""

IDEAS = {  # feature -> value and the idea in words
    "fork": ("unless_pinned_unmapped", "do not fork what may be pinned, decided as strictly as page migration decides"),
    "refuse": ("reverse", "of a pinned page the disk gets the copy: a reverse fork"),
    "busy": ("wait", "a reverse fork that comes too late waits for the I/O"),
    "bounce": ("pinned", "a page that may be pinned is written out from a bounce copy"),
    "redirect": ("all", "every PTE follows the fork, of private and read-only mappings too"),
    "flush_orig": ("yes", "the faulting PTE's TLB entries are flushed"),
    "notify_orig": ("yes", "MMU notifiers are called for the faulting PTE, too"),
    "recheck": ("yes", "read faults look at the slot again after the folio lock"),
    "pinfork": ("slow_fast", "a pin forks first, in the slow and in the fast walk"),
    "redirty": ("yes", "a pinned page stays dirty in every delta"),
}
HYPOTHESIS = {feature: value for feature, (value, _) in IDEAS.items()}
