"""A policy as a sentence: what each feature says in it, and a short word for each value."""

from __future__ import annotations

from tux3nb.engine.policy import Feature

SENTENCES = {  # feature -> its part of the sentence, {} is the word of the value; others say their title
    "fork": "Forks {}",
    "refuse": "a refused fork {}",
    "busy": "a folio already in a bio {}",
    "bounce": "bounce copies: {}",
    "redirect": "PTEs of {} follow the fork",
    "optout": "never forks a file that is {}",
    "pinfork": "pins fork first: {}",
    "redirty": "pinned folios stay dirty: {}",
    "longterm": "long-term pins are {}",
    "retranslate": "holders look again: {}",
    "dirty_clean": "a dirty call on a clean folio is {}",
    "dirty_forked": "a dirty call on a forked folio is {}",
    "protect": "write-protects when the delta closes: {}",
    "off": "switched off on purpose: {}",
}
WORDS = {
    "fork": {
        "always": "always",
        "unless_refs": "unless referenced",
        "unless_refs_frozen": "unless referenced, count frozen",
        "unless_pinned": "unless pinned",
        "unless_pinned_sync": "unless pinned, asked after write-protect",
        "unless_pinned_unmapped": "unless pinned, asked after unmapping",
        "unless_registered": "unless the holder index knows a hold",
    },
    "refuse": {
        "wait_writeback": "waits for the write-out",
        "wait_holder": "waits for the holder",
        "in_place": "writes in place",
        "reverse": "is reversed: the disk gets the copy",
    },
    "busy": {"in_place": "is written in place", "wait": "is waited for"},
    "bounce": {"no": "none", "pinned": "of pinned folios", "all": "of all folios"},
    "redirect": {"shared": "writable shared mappings", "mayshare": "all shared mappings", "all": "all mappings"},
    "optout": {"nothing": "(no such file)", "executable": "program text"},
    "pinfork": {"no": "no", "slow": "in the slow walk", "slow_fast": "in both walks"},
    "redirty": {"no": "no", "yes": "yes"},
    "retranslate": {"no": "no", "locked": "under the folio lock", "locked_stable": "under the lock, not in write-out"},
    "dirty_clean": {"bug": "a BUG", "queue": "queued"},
    "dirty_forked": {
        "assert": "a WARN",
        "drop": "ignored",
        "forward_page": "forwarded",
        "forward_range": "forwarded by range",
    },
    "off": {"nothing": "nothing"},
    "protect": {"no": "no", "sweep": "folio by folio", "barrier": "before the next delta"},
}


def sentence(feature: Feature) -> str:
    """What a feature says in the sentence of a policy."""
    return SENTENCES.get(feature.id, f"{feature.title}: {{}}")


def word(feature: Feature, value: str) -> str:
    """The word of a value there."""
    title = feature.values[value]
    return WORDS.get(feature.id, {}).get(value) or title.partition(" (")[0]


def owner(feature: Feature, value: str) -> str:
    """Who would have to build a value."""
    return " and ".join(feature.owner_of(value))


def lowest(feature: Feature, value: str) -> bool:
    """Whether a value is no mechanism: nothing is below it."""
    return not feature.below.get(value)
