"""Private memory, refused accesses, absent PTEs and mmap_sem: what kinds of mapping do to every operation."""

import pytest

from tests.model.answers import answer, check, fired, judged, reached, rules_of, small, states
from tux3nb.cases.place import ColumnError
from tux3nb.catalogue import find
from tux3nb.catalogue.free import free
from tux3nb.model.rules.cpu import UNDER_MMAP_SEM

FORK = """
    app        | writer                  | kernel
    {}         | dirty: write p0:1       | closed: transition after dirty
               | write p0:1 after closed |
"""

WRITING = (
    *("store p0:0", "poke p0:0", "vm_write p0:0", "dio_read p0"),
    *("mr_register p0", "buffer_register p0", "odp_write p0:0"),
)
READING = ("peek p0:0", "vm_read p0:0", "dio_write p0", "vmsplice p0", "odp_read p0:0", "load p0:0")


def private_versions(world):
    return {(c, v) for op in world.ops if op.how.writes == "private" for c, v in op.version.items()}


def places_of_private_bytes(found):
    """The kinds of places that have, in some state, what was written to private memory."""
    private, out = private_versions(found.case.world), set()
    for s in states(found):
        for label, value in s.items():
            name, _, index = label.rstrip("]").partition("[")
            if name == "cell":
                f, c = map(int, index.split(","))
                if (c, value) in private:
                    out.add("anonymous" if s[f"anonymous[{f}]"] else "page cache")
            elif name in ("disk", "image") and (int(index), value) in private:
                out.add(name)
    return out


@pytest.mark.parametrize("name", ["mmap+private_store", "mmap+private_poke", "mmap+private_region", "mmap+text_poke"])
@pytest.mark.parametrize("policy", ["tux3", "perfect"])
def test_private_bytes_are_in_anonymous_folios_only(name, policy):
    assert places_of_private_bytes(judged(name, policy)) == {"anonymous"}


def test_without_the_copy_they_would_be_everywhere():
    assert {"page cache", "disk", "image"} <= places_of_private_bytes(judged("mmap+text_poke", "no_private_copy"))


def test_a_copy_whose_pte_was_redirected_meanwhile_is_made_again():
    """Where a fork takes private PTEs along, the fault finds another folio than it copied from."""
    assert "copy_is_late" in fired(judged("mmap+private_store", "perfect"))
    assert "copy_is_late" not in fired(judged("mmap+private_store", "tux3"))


@pytest.mark.parametrize("line", WRITING)
@pytest.mark.parametrize("absent", ["", ":absent"])
def test_whatever_writes_copies_first(line, absent):
    """Each operation that writes gets to a copy of its own, from a PTE and from none, and the file stays as it was."""
    case = small(FORK.format(line), (f"app:private{absent}",), judges=("I1", "I5", "I6", "I8"), folios=5)
    found = check(case, "tux3")
    assert found.only.verdict == "HOLDS" and {"private_copied", "forked"} <= reached(found)
    assert not any(op.how.writes in ("cpu", "holder") for op in case.world.ops if op.task == "app")


@pytest.mark.parametrize("line", READING)
def test_whatever_reads_copies_nothing(line):
    found = check(small(FORK.format(line), ("app:private",), judges=("I1", "I8")), "tux3", unshare="yes")
    assert found.only.verdict == "HOLDS" and "private_copied" not in reached(found)


def test_a_long_term_pin_for_reading_copies_where_the_kernel_unshares():
    name = "mmap+private_region_readonly"
    assert "gup_unshares" in fired(judged(name, "tux3", unshare="yes"))
    assert "gup_unshares" not in fired(judged(name, "tux3"))
    assert rules_of(answer(name, "tux3").row("I2p").run)[-1] == "cow_maps"


def test_the_copy_of_a_pin_outlives_its_mapping_and_is_freed_in_the_end():
    case = small("app\nmr_register p0\nmunmap\nmr_deregister p0", ("app:private",), judges=("I7",))
    found = check(case, "tux3")
    held = [s for s in states(found) if s["vma[app]"] == 0 and s["hold[app]"]]
    last = [s for s in states(found) if s["line[app]"] == 3]
    assert held and all(s[f"anonymous[{s['hold[app]'] - 1}]"] for s in held)
    assert any(not any(s[f"anonymous[{f}]"] for f in range(3)) for s in last)


def test_two_processes_have_two_copies():
    case = small("one | two\nstore p0:0 | store p0:0", ("one:private", "two:private"), judges=("U2", "U3"), folios=3)
    found = check(case, "tux3")
    assert found.only.verdict == "HOLDS"
    assert any(s["pte[one]"] != s["pte[two]"] and s["pte_write[one]"] and s["pte_write[two]"] for s in states(found))


def test_truncation_takes_private_copies_along():
    """unmap_mapping_range is told to zap copies too; the store then copies the hole."""
    case = small(
        "app | cutter\nstore p0:0 | truncate p0\nload p0:1 |",
        ("app:private",),
        judges=("I1", "U2"),
        folios=4,
    )
    found = check(case, "stable_pages")
    assert found.only.verdict == "HOLDS" and {"truncate_zaps_pte", "anonymous_freed", "cow_maps"} <= fired(found)


# ---- refusals --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("line", [*WRITING[1:], "mr_register p0 forced"])
def test_a_writing_walk_through_a_readonly_mapping_is_refused(line):
    case = small(f"app | peer\n{line} | store p0:1", ("app:readonly", "peer"), judges=("I1", "I2"))
    found = check(case, "stable_pages")
    assert "access_refused" in reached(found) and found.only.verdict == "HOLDS(refused)"
    assert not any(s["hold[app]"] for s in states(found))


def test_a_store_there_is_an_error_of_the_case():
    with pytest.raises(ColumnError, match="SIGSEGV"):
        small("app\nstore p0:0", ("app:readonly",)).world


def test_a_long_term_pin_of_private_memory_or_tmpfs_is_granted():
    """Where long-term pins of file memory are refused."""
    columns = "app | peer\nmr_register p0 | store p0:1\nmr_deregister p0 |"
    for mapping, shmem, refused in (("app", False, True), ("app", True, False), ("app:private", False, False)):
        found = check(small(columns, (mapping, "peer"), judges=("I1",), shmem=shmem), "no_longterm")
        assert ("longterm_refused" in reached(found)) == refused


def test_a_file_of_tmpfs_is_not_written_out():
    with pytest.raises(ColumnError, match="line 2, column kernel: transition: a file of tmpfs"):
        small("app | kernel\nstore p0:0 | transition", ("app",), shmem=True).world


# ---- absent PTEs, mmap_sem ---------------------------------------------------------------------------------------
def test_a_store_without_a_pte_maps_no_forked_folio():
    """A load's fault does, with no second look at the slot."""
    cases = (small(FORK.format(f"{word} p0:0"), ("app:absent",), judges=("I1",)) for word in ("store", "load"))
    store, load = (check(case, "tux3") for case in cases)
    assert {"store_faults_absent", "forked_meanwhile"} <= fired(store)
    assert store.only.verdict == "HOLDS" and load.only.verdict == "VIOLATED"


@pytest.mark.parametrize("line", ["peek p0:0", "dio_write p0:0", "mr_register p0", "poke p0:0"])
def test_a_walk_without_a_pte_faults(line):
    found = check(small(f"app\n{line}", ("app:absent",), judges=("I7",)), "stable_pages")
    assert any(s["line[app]"] == 1 for s in states(found)) and found.only.verdict == "HOLDS"


@pytest.mark.parametrize("policy", ["stable_pages", "tux3", "perfect"])
def test_munmap_and_a_walk_keep_out_of_each_others_way(policy):
    found = judged("ordinary+walk_and_munmap", policy)
    assert found.only.row("I7").verdict == "HOLDS" and {"munmap", "gup_finds_no_vma"} <= fired(found)
    places = found.case.world.places
    unmapped = {places[s["pc[tracer]"]] for s in states(found) if s["vma[app]"] == 0}
    assert unmapped & set(UNDER_MMAP_SEM) == {"walk"}, "a fault was under way when the file was unmapped"


def test_a_write_that_failed_is_no_value_of_the_file():
    """A poke that finds nothing mapped never happened: the file's value is what it was."""
    case = small("app | tracer | peer\nmunmap | poke app p0:0 | load p0:0", ("app", "peer"), judges=("I1",))
    found = check(case, "stable_pages")
    failed = [s for s in states(found) if s["line[tracer]"] == 1 and s["line[app]"] == 1 and s["cell[0,0]"] == 0]
    assert failed and {s["cand[0]"] for s in failed} == {1}


# ---- the index and regions of two eras ---------------------------------------------------------------------------
def test_the_index_marks_the_copy():
    """A ring may find the new folio while the fork goes on; without the mark it holds what the process does not see."""
    row = check(free("migration"), "perfect_index", off="index_of_copy").only.row("I2")
    names = rules_of(row.run)
    assert names.index("fork_swaps_slot") < names.index("ring_is_set_up") < len(names)
    assert check(free("migration"), "perfect_index").only.verdict == "HOLDS"


def test_a_region_pinned_for_writing_takes_the_slow_walk():
    """Before v6.2; its deregistration makes no dirty call, since the device only reads."""
    world = find("rdma+checked_then_pinned+forced").world
    (op,) = [op for op in world.ops if op.kind == "mr_register"]
    assert op.write and op.how.walks == "slow"
    case = small("app\nmr_register p0 forced\nmr_deregister p0", ("app",))
    assert [op.write for op in case.world.ops] == [True, False]
