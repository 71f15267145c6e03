"""uprobes: what is expected of every named policy, where the breakpoint lives, and which instruction is saved."""

import pytest

from tests.model.answers import answer, check, fired, judged, reached, rules_of, small, states
from tux3nb.catalogue import find
from tux3nb.errors import UserError

CASES = ["uprobes", "uprobes+saved", "uprobes+read_fault", "uprobes+replace", "uprobes+unregister", "uprobes+ref_ctr"]


def places_of_private_bytes(found):
    """The fields that hold, in some state, a version that uprobes wrote for one process."""
    private = {(c, v) for op in found.case.world.ops if op.how.writes == "private" for c, v in op.version.items()}
    fields = [(f, i) for f, i in found.case.system.layout.cells if f.name in ("cell", "disk", "image", "anon_cell")]
    of_cell = {f.label(i): (f.name, i % len(f.axes[-1]) if len(f.axes) > 1 else i) for f, i in fields}
    return {name for s in states(found) for label, (name, c) in of_cell.items() if (c, s[label]) in private}


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("policy", ["tux3", "redirect_all_recheck"])
def test_breakpoint_is_in_the_private_copy_only(name, policy):
    """In no state, redirected or not, does a folio, the disk or a bio have a breakpoint or a count in it."""
    assert places_of_private_bytes(judged(name, policy)) == {"anon_cell"}


def test_breakpoint_in_the_page_cache_would_get_everywhere():
    """With the private copy switched off folios, bios and the disk have it, and the test above can fail."""
    assert places_of_private_bytes(judged("uprobes", "no_private_copy")) == {"cell", "disk", "image"}


@pytest.mark.parametrize("redirect", ["shared", "all"])
def test_mail_is_right_about_a_page_cache_breakpoint(redirect):
    """Were the breakpoint in the page cache, a fork would copy it: still hit, but seen by all, and on disk."""
    found = judged("uprobes", "no_private_copy", redirect=redirect)
    verdicts = {row.property: row.verdict for row in found.only.rows}

    assert "forked" in reached(found)
    assert verdicts["U1"] == "HOLDS"
    assert verdicts["U2"] == verdicts["U3"] == "VIOLATED"


def test_page_cache_breakpoint_can_be_lost():
    """Were it in the page cache, a write(2) of the instruction would take the breakpoint away."""
    row = answer("uprobes+unregister", "no_private_copy").row("U1")

    assert rules_of(row.run)[-1] == "run_executes" and "write_copies_user_data" in rules_of(row.run)


def test_fork_and_breakpoint_both_happen():
    """The page is forked under the breakpoint, which is then hit: the case does not hold for want of either."""
    assert {"forked", "ran_probed", "committed", "orphan_freed"} <= reached(judged("uprobes", "tux3"))


def test_saved_instruction_is_from_the_new_folio():
    """The fork ends, uprobes reads the new folio, walks to the old one, and replaces what it has not saved."""
    row = answer("uprobes+saved", "tux3").row("U4")
    names = rules_of(row.run)
    layout = find("uprobes+saved").system.layout
    before = dict(zip(layout.labels, layout.unpack(row.run.states[-2]), strict=True))

    assert names[-1] == "uprobe_replaces_page"
    assert names.index("fork_swaps_slot") < names.index("uprobe_saves_instruction")
    assert before["pte[app]"] == before["hold[tracer]"] != before["slot[0]"] + 1
    assert before["saved[tracer]"] == before[f"cell[{before['slot[0]']},0]"]


def test_mismatch_needs_no_holder_to_refuse():
    """Unless a policy leaves no PTE behind or does not fork, counting references and pins does not help."""
    for fork in ("unless_refs", "unless_pinned", "unless_pinned_sync"):
        assert answer("uprobes+saved", "tux3", fork=fork).row("U4").verdict == "VIOLATED"
        assert answer("uprobes+saved", "tux3", fork=fork, redirect="all").verdict == "HOLDS"
    for fork in ("unless_refs_frozen", "unless_pinned_unmapped", "never"):
        assert answer("uprobes+saved", "tux3", fork=fork).verdict == "HOLDS"


def test_following_every_shared_mapping_is_not_enough():
    """Redirecting every shared mapping leaves private mappings behind; redirecting those too repairs it."""
    assert answer("uprobes+saved", "perfect", redirect="mayshare").row("U4").verdict == "VIOLATED"
    assert answer("uprobes+saved", "perfect").verdict == "HOLDS"


def test_read_fault_maps_the_old_folio_after_the_redirect():
    """The fault looked A up before the fork and maps it after the redirect; looking again prevents just that."""
    names = rules_of(answer("uprobes+read_fault", "redirect_all").row("U4").run)
    again = judged("uprobes+read_fault", "redirect_all_recheck")

    assert names[-1] == "uprobe_replaces_page"
    assert names.index("run_faults") < names.index("fork_swaps_slot") < names.index("read_fault_maps")
    assert "read_fault_retries" in fired(again) and again.only.verdict == "HOLDS"


def test_uprobes_starts_over_if_its_pte_was_redirected():
    """Only a fork that takes private PTEs along makes __replace_page return -EAGAIN."""
    assert "uprobe_retried" in reached(judged("uprobes+replace", "redirect_all_recheck"))
    assert "uprobe_retried" not in reached(judged("uprobes+replace", "tux3"))


def test_reference_of_uprobes_refuses_the_fork():
    """A fork that counts with no PTE left finds the reference of uprobes itself, so that nothing is to be retried."""
    found = judged("uprobes+replace", "migration_rule")

    assert "refused" in reached(found) and "uprobe_retried" not in reached(found)


def test_second_look_is_load_bearing():
    """Without its second look at the PTE uprobes drops a reference of the old folio that the PTE no longer holds."""
    names = rules_of(answer("uprobes+replace", "no_uprobe_retry").row("I8").run)

    assert names[-1] == "uprobe_replaces_blindly"
    assert names.index("uprobe_copies") < names.index("fork_redirects_pte")


@pytest.mark.parametrize("policy", ["tux3", "redirect_all_recheck", "stable_pages"])
def test_changed_page_stays_anonymous(policy):
    """With the page cache changed meanwhile, the process never gets back to it, whether by a fork or in place."""
    found = judged("uprobes+unregister", policy)

    assert {"stays_anonymous", "back_to_page_cache"} <= reached(found)  # back, where the write comes later


@pytest.mark.parametrize(
    ("policy", "stays"), [("tux3", True), ("redirect_all_recheck", False), ("stable_pages", False)]
)
def test_fork_leaves_a_private_copy_for_good(policy, stays):
    """A probe in a page that was forked before leaves its copy behind: a stale page is not what the cache has."""
    case = small(
        """
        tracer                    | writer                     | kernel
        uprobe app p0:0 after new | dirty: write p0:1          | next: transition after dirty
        unprobe app p0:0          | new: write p0:1 after next |
        """,
        ("app:private",),
    )
    found = check(case, policy)

    assert ("stays_anonymous" in reached(found)) == stays
    assert "back_to_page_cache" in reached(found)  # under Tux3 where the page was written out before it was changed


@pytest.mark.parametrize("policy", ["tux3", "redirect_all_recheck", "stable_pages"])
def test_private_copy_of_its_own_spoils_the_saved_instruction(policy):
    """Not a fault of page fork: a process with a copy of its own executes that, and uprobes saves the file's bytes.

    The first probe leaves the copy behind, since the page cache has changed; the second one finds it.
    """
    case = small(
        """
        tracer               | writer
        set: uprobe app p0:0 | write p0:0 after set
        unprobe app p0:0     |
        uprobe app p0:0      |
        """,
        ("app:private",),
        judges=("U4",),
    )
    row = check(case, policy).only.row("U4")

    assert row.verdict == "VIOLATED" and row.run.steps[-1].rule.name == "uprobe_probes_copy"


def test_write_while_the_breakpoint_is_set_is_no_mismatch():
    """A write(2) between the saved instruction and the replaced one changes it on any kernel; that is let pass."""
    case = small("tracer | writer\nuprobe app p0:0 | write p0:0", ("app:private",), judges=("U4",))
    found = check(case, "stable_pages")
    replaced = [s for s in states(found) if s["anon[app]"] and s["line[tracer]"] == 0]
    differs = {s["saved[tracer]"] != s["cell[0,0]"] for s in replaced}

    assert differs == {True, False} and found.only.verdict == "HOLDS"


def test_unregistered_breakpoint_is_not_hit():
    """With nothing taken out the process may hit it; once it is taken out, the saved instruction is back."""
    found = judged("uprobes+unregister", "tux3")
    after = {s["anon_cell[app,0]"] for s in states(found) if s["line[tracer]"] == 2 and s["anon[app]"]}

    assert after == {0}
    assert answer("uprobes+unregister", "tux3").row("U1").verdict == "HOLDS"


def test_counter_breaks_copy_on_write_first():
    """The counter's page is copied before it is written; a PTE that was redirected meanwhile makes it start over."""
    assert {"cow_maps_copy", "ref_ctr_adds"} <= fired(judged("uprobes+ref_ctr", "tux3"))
    assert "cow_retries" in fired(judged("uprobes+ref_ctr", "redirect_all_recheck"))


@pytest.mark.parametrize(
    ("columns", "mapping", "complaint"),
    [
        ("tracer\nuprobe app p0:0", "app", "uprobes enters private mappings only .valid_vma.; app is shared"),
        (
            "tracer | app\nuprobe app p0:0 | load p0:0",
            "app:private",
            "app: load through the probed mapping app is not modelled; use run",
        ),
        ("tracer | lru\nuprobe app p0:0 | reclaim p0", "app:private", "a page that may leave its slot empty"),
    ],
)
def test_limits_of_the_model_are_errors(columns, mapping, complaint):
    """A shared mapping, another access through a probed one, and a page that may go away are errors that say so."""
    with pytest.raises(UserError, match=complaint):
        assert small(columns, (mapping,)).world


def test_other_cases_do_not_judge_uprobes():
    """A case without a probe judges none of the properties of uprobes unless it is told to."""
    assert not any(p.id.startswith("U") for p in small("app\nload p0:0", ("app:private",)).properties)
    assert {"U1", "U2", "U3", "U4"} <= {p.id for p in small("t\nuprobe app p0:0", ("app:private",)).properties}
