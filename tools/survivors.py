"""Why some conditions of rules can be dropped and nothing that is written changes: reasons, and what they are of."""

from __future__ import annotations

from fnmatch import fnmatchcase

PLACE = (
    "The place in the routine is reached under these policies only; the condition is there so that the rule folds away "
    "for all others, which makes tracing and exploring cheaper and nothing else."
)
STATIC = (
    "It is settled when the rule is bound, by the operation or the mapping; the place in the routine says the same: "
    "without it the rule has bindings that can never be taken."
)
# Of conditions that decide in no state which a case reaches under a policy with a written expectation.
COMBINED = "No written verdict is of a policy that combines the two features that it tells apart."
IMPLIED = "The other conditions, and what every reached state has, imply it; it says what the next line relies on."
APART = (
    "It keeps apart actors that no written case puts together: an eviction, a migration, a frozen count, an unmapped "
    "file, a second hold of one holder, or a folio that has left the file."
)
CONTROL = (
    "The rule belongs to a mechanism switched off on purpose; its policy is broken in every case that gets there, and "
    "more steps do not mend it."
)
# Of conditions without which there are more steps, and no verdict differs.
AGAIN = "Trying again, looking again or refusing without need is safe; it costs work or a wait."
COSTS = "Write-protecting, zapping or redirecting a PTE, or keeping dirty, without need is safe; it costs work only."
NOTHING_READ = "The operation would return without its work: a read that never happened shows no wrong value."
ALREADY = "The rule would do what is already so."
LOCK = (
    "The step is one step in the model, so that the lock around it shows only to an assertion at unlock_page, which "
    "the model does not make."
)
MUTEX = (
    "The inode's mutex is there for the whole of a long write; with one page the folio lock and the rules of "
    "truncation keep the same apart."
)
ONE_WORK_ITEM = (
    "Whichever of the two reads the work item is taken to be of, it reports and puts the same folio; only a policy "
    "that forwards the bytes written would tell."
)
SAFER = "Another policy's mechanism beside the policy's own: it is the safer way, and does not take the other one away."
KEPT_DIRTY = (
    "What is bounced stays dirty for the current delta, so a store that comes after the copy, through a PTE that is "
    "still writable, is written with that."
)
GONE = "Eviction and truncation both take the folio out of the file, whichever comes first."
PRIVATE = (
    "The process gets a private copy of the old folio in place of the new one: what a private mapping shows before a "
    "copy of its own is left open (I1p, advisory). That the PTE is looked at is a mechanism; without it is a control."
)
PUT_BACK = (
    "Kept, dropped or never made, the copy that is left has the saved instruction: which it is costs memory, and what "
    "a private mapping shows otherwise is I1p's."
)
COUNTER = "No property asks for the counter's value, only that it stays out of the file and of other mappings."
ASKED_AGAIN = "It is asked again under the folio lock, before anything is done."
FORKED_IN_VAIN = "The folio leaves the page cache either way; forked without need it is freed by the polling."
SPLICED = "What comes out of a pipe may be any version of the file from the splice on: a fork beside it does no harm."
POLLING = "What the polling frees is of a delta that is committed, whichever delta is current by then."

# reason -> (rule, part of a condition), the rule as a pattern; the first that fits is a condition's reason. What none
# fits is not explained: a case that tells is wanted.
FOLDING: dict[str, tuple[tuple[str, str], ...]] = {
    PLACE: (
        ("has_section_already", "policy.off"),
        ("flush_bounces_rest", "policy.bounce"),
        ("fork_unmaps_pte", "policy.fork"),
        ("fork_restores_pte", "policy.fork"),
        ("ptes_restored", "policy.fork"),
        ("fork_remaps_pte", "policy.fork"),
        ("older_delta_written", "policy.refuse"),
        ("holder_let_go", "policy.refuse"),
        ("reverse_fork_copies_rest", "policy.refuse"),
        ("reverse_fork_moves_delta", "policy.refuse"),
        ("unprobe_writes_in_place", "policy.off"),
    ),
    STATIC: (
        ("*", "c in op.cells"),
        ("*_dma", "to_move("),
        ("sibling_fills_tlb", "s.world.maps[m].sibling"),
        ("mr_reports_dirty", "op.write"),
        ("mr_finds_dirty", "op.write"),
    ),
}
NEVER_DECIDES: dict[str, tuple[tuple[str, str], ...]] = {
    CONTROL: (
        ("superblock_gets_ahead", ""),
        ("flush_clears_dirty_first", ""),
        ("migrate_moves_blindly", ""),
        ("uprobe_replaces_blindly", ""),
        ("uprobe_writes_in_place", ""),
        ("unprobe_writes_in_place", ""),
        ("evict_leaves_forked", ""),
        ("evict_frees_forked", "policy.off"),
        ("poll_meets_freed_inode", ""),
    ),
    COMBINED: (
        ("fork_begins_unprotected", ""),
        ("fork_begins_by_unmapping", "opted_out"),
        ("*", "~opted_out("),
        ("pipe_looks_again", "may_register("),
    ),
    APART: (
        ("*", ".frozen["),
        ("*", ".migrating["),
        ("*", ".moving["),
        ("*", ".vma["),
        ("*", "evicting("),
        ("*", "empty("),
        ("*", "alone("),
        ("*", "active(s, o)"),
        ("*", "device_idle"),
        ("*", "may_go_on("),
        ("*", "s.hold[op.holder] == NONE"),
        ("*", "s.hold[op.holder] != NONE"),
        ("*", "detached["),
        ("pipe_closes", ""),
        ("*", "latest("),
        ("unprobe_*", ""),
        ("evict_*", "locked"),
        ("truncate_*", "swept("),
        ("*", "s.locked["),
        ("ring_is_set_up", ""),
    ),
    IMPLIED: (
        ("*", "s.pte["),
        ("*", "s.world"),
        ("*", "c in op.cells"),
        ("fault_finds_pte_touched", ""),
        ("*", "s.forked[f] == "),
        ("*", "s.dirty[f] == 1"),
        ("*", "op.write"),
        ("*", "unmapped("),
        ("*", "zapped("),
        ("has_section_already", ""),
        ("begins_section*", "s.section"),
        ("write_completes", "flusher_at"),
        ("flush_protects_pte", "live("),
    ),
}
MORE_STEPS: dict[str, tuple[tuple[str, str], ...]] = {
    MUTEX: (("*_begins", "for o in others"),),
    ONE_WORK_ITEM: (("dio_*_late", "latest("),),
    SAFER: (
        ("read_fault_retries", "policy.recheck"),
        ("fault_gives_up", "policy.recheck"),
        ("flush_picks_again", "policy.bounce"),
        ("flush_sets_writeback", "policy.off"),
        ("fork_begins", "policy.off"),
        ("looks_up", "policy.off"),
        ("migrate_moves", "policy.off"),
        ("evict_frees_forked", "policy.off"),
        ("uprobe_copies", "policy.off"),
        ("uprobe_retries", "policy.off"),
        ("pipe_looks_again", "policy.retranslate"),
        ("reverse_fork_not_needed", "policy.refuse"),
    ),
    POLLING: (("transition", "flusher_at"),),
    SPLICED: (("splice_takes", "may_register("),),
    KEPT_DIRTY: (("flush_bounces", "protected("),),
    GONE: (("truncate_begins", "evicting("),),
    PRIVATE: (("uprobe_replaces_page", "s.pte["), ("cow_maps_copy", "s.pte[")),
    PUT_BACK: (("unprobe_compares", "s.anon["), ("unprobe_compares", "identical")),
    COUNTER: (("ref_ctr_adds", "s.anon["),),
    ASKED_AGAIN: (("truncate_looks_up", "zapped("),),
    FORKED_IN_VAIN: (("truncate_forks", "must_fork("),),
    CONTROL: (
        ("fork_lists", "s.forked"),
        ("truncate_forks", "s.forked"),
        ("uprobe_replaces_blindly", "s.pte["),
        ("evict_leaves_forked", "s.orphan"),
        ("poll_meets_freed_inode", "s.pc"),
    ),
    COSTS: (
        ("clone_protects_pte", ""),
        ("flush_protects_pte", ""),
        ("fork_unmaps_pte", "s.pte"),
        ("fork_redirects_pte", ""),
        ("truncate_zaps_pte", ""),
        ("gup_slow_faults", "pte_write"),
        ("store_faults", "pte_write"),
        ("gup_slow_forks_first", "pte_write"),
        ("flush_keeps_dirty", "policy.redirty"),
        ("fork_begins", "policy.off"),
        ("fork_begins_unprotected", "needs_fork"),
        ("flush_adds", "policy.bounce"),
        ("dio_completes_clean", "s.dirty"),
    ),
    AGAIN: (
        ("fault_finds_pte_touched", "s.folio"),
        ("read_fault_retries", ""),
        ("read_fault_is_off_the_end", ""),
        ("folio_lost_mapping", ""),
        ("forked_meanwhile", ""),
        ("fork_refused", ""),
        ("flush_picks", "belongs"),
        ("flush_picks_again", "belongs"),
        ("reclaim_isolates", "slot"),
        ("reverse_fork_not_needed", "in_bio("),
        ("uprobe_saves_instruction", ".frozen["),
        ("pin_found_after_protecting", ""),
        ("unmapped_fork_refused", ""),
        ("fault_gives_up", "empty"),
        ("gup_fast_cannot_get", ""),
        ("gup_fast_drops", ""),
        ("migrate_refuses", ""),
        ("odp_faults", ""),
        ("odp_retries", ""),
        ("access_starts_over", "slot"),
        ("*_walks_slowly", "~allows"),
        ("pipe_looks_again", "slot"),
        ("uprobe_retries", "s.pte"),
        ("cow_retries", "s.pte"),
        ("reclaim_finds_locked", ""),
        ("reclaim_keeps", ""),
        ("truncate_waits", ""),
        ("*_refused", "~permitted"),
    ),
    LOCK: (
        ("*", "s.locked["),
        ("peek_returns", "relocked"),
        ("poke_reports_dirty", "policy.retranslate"),
        ("run_faults", "alone("),
        ("uprobe_saves_instruction", "alone("),
    ),
    NOTHING_READ: (
        ("dio_write_completes", "at("),
        ("dio_write_reaps", "at("),
        ("device_read_reap", "at("),
        ("peek_returns", "at("),
        ("mr_deregister_has_none", "s.hold"),
    ),
    ALREADY: (
        ("mr_reports_dirty", "s.dirty"),
        ("poll_frees", "flusher_at"),
        ("load_faults", "s.pte"),
        ("access_faults", "s.pte"),
        ("*_faults", "no_translation("),
        ("sibling_fills_tlb", "s.tlb"),
        ("*", "to_move("),
        ("*", "~has("),
        ("mr_finds_dirty", "s.dirty"),
        ("fork_*_pte", "s.migrating"),
        ("migrate_maps_target", "s.moving"),
    ),
}


def folds(rule: str, condition: str) -> bool:
    """Dropping the condition would add nothing but steps that can never be taken."""
    return _first(FOLDING, rule, condition) != ""


def reason(rule: str, condition: str, outcome: str) -> str:
    """The written reason why dropping a condition of a rule kills nothing, or nothing.

    Outcome "count": in some state of some case the rule cannot be taken because of this condition alone.
    """
    return _first({"folds": FOLDING, "count": MORE_STEPS}.get(outcome, NEVER_DECIDES), rule, condition)


def _first(reasons: dict[str, tuple[tuple[str, str], ...]], rule: str, condition: str) -> str:
    for text, places in reasons.items():
        if any(fnmatchcase(rule, pattern) and part in condition for pattern, part in places):
            return text
    return ""
