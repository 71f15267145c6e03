"""A run told in sentences, in three pictures, and policies in a line: all of it from the run and the verdicts."""

import re
from itertools import pairwise

import pytest

from tests.show.samples import broken_rows, cases
from tux3nb import notebook as nb
from tux3nb.answers.follow import Schedules
from tux3nb.catalogue import find
from tux3nb.model.features import NAMED, named_policy
from tux3nb.model.rules import kinds
from tux3nb.notebook import UserError
from tux3nb.show.explorer.answers import CaseSource
from tux3nb.show.line import address, in_words, short, size
from tux3nb.show.story import DOES, Tale, sentences


@pytest.fixture(scope="module")
def tux3():
    return nb.check("rdma", "tux3")


def tale_of(case, policy, prop, judged):
    schedules = Schedules(judged)
    shown = schedules.broken(policy, prop)
    return Tale(case, judged.run.compiled, judged.run.number(policy), shown, prop)


def test_words_are_of_kinds_that_exist():
    """Every word is for a kind of operation that there is, and every kind has one."""
    assert set(DOES) == set(kinds())


@pytest.mark.parametrize("case", cases(slow=False), ids=lambda c: c.name)
def test_the_order_that_is_told_is_a_run(case):
    """The parts have every step once, end in the run's last state, and their order is a run that the policy allows."""
    for row, policy, judged in broken_rows(case):
        tale = tale_of(case, policy, row.property, judged)
        order, states = tale._told
        assert sorted(n for part in tale.parts for n in part.steps) == list(range(1, len(tale.run) + 1))
        assert states[-1] == tale.run.states[-1]
        for n, (state, after) in enumerate(pairwise(states)):
            last = n == len(order) - 1  # a last step may be an event only
            assert last or tale._after(state, order[n]) == after
        assert tale.end() and all(part.sentence(case) for part in tale.parts)


def test_effects_in_words():
    """Copies of a folio's cells are one; a copy of one cell says which; the same thing is told once."""
    assert sentences(["B.1 ← A.1 (v0)", "page is B", "B.0 ← A.0 (v1)"]) == [
        "A is copied into B (v1 v0)",
        "the page is B from now on",
    ]
    assert sentences(["B.0 ← A.0 (v1)"]) == ["cell 0 of A is copied into B (v1)"]
    assert sentences(["PTE of app → B (ro)", "PTE of peer → B (rw)", "A dirty d0", "A dirty d0"]) == [
        "app and peer see B",
        "A is dirty for d0",
    ]
    assert sentences(["PTE of a → B (ro)", "PTE of b → B (ro)", "PTE of c → B (ro)"]) == ["a, b and c see B"]


def test_the_story_of_the_lost_write(tux3):
    """Few sentences, which unfold; it ends with what somebody reads; the numbers are the run's."""
    shown = nb.story(tux3, "I2")
    lines = shown.text.splitlines()
    assert 5 <= len(lines) - 2 <= 8
    assert "read(2), app and writer read v0, and device wrote v1." in lines[-1]
    assert shown.html.count("<details>") == len(lines) - 2
    steps = [int(n) for n in re.findall(r'<li value="(\d+)">', shown.html)]
    assert sorted(steps) == list(range(1, len(steps) + 1)) and len(steps) >= tux3.row("I2").depth


def test_the_way_on_is_told():
    """A run that is shown on until somebody reads says so, in the same words in the story and in the explorer."""
    case = find("truncate+read_fault")
    answer = nb.check(case, "tux3")
    depth = answer.row("I1").depth
    told = f"is broken after {depth} steps; shown on to step {depth + 1}, where reader reads what is wrong"
    assert told in nb.story(answer, "I1").text.splitlines()[0]
    assert f"I1 {told}." in CaseSource(case).answer(case.policy, "I1")["runs"][0]["why"]
    assert f"I1 is broken after {depth} steps" in nb.explorer_of(case.name)._text()


def test_no_sentence_speaks_of_what_is_not_shown():
    """What is not told again is word by word the first story's beginning, and nothing else is left out."""
    answer = nb.check("ptrace", "tux3")
    base, other = (nb.story(answer, "I2", under=under).text for under in (None, "tux3_locked"))
    assert "Sentences 1 to 3 are as before. The runs part at step 9." in other and "Now: tracer cannot go on." in other
    assert re.findall(r"^ (\d)\. ", other, re.MULTILINE) == ["4", "5", "6", "7"]
    assert "it takes a reference on A" in base.splitlines()[2]


def test_what_a_device_writes_for_a_task_is_not_its_own_write():
    end = nb.story(nb.check("aio+fork", "tux3"), "I2").text.splitlines()[-1]
    assert "What the device wrote for app in cell 1 (v1) was reported done" in end
    assert end.endswith("and the device wrote v1 for app.")


def test_the_same_schedule_under_the_repair(tux3):
    """What is the same is summed up; where they part and what is read instead is said."""
    shown = nb.story(tux3, "I2", under="reverse_fork")
    assert "Before: writer: nothing forbids the fork. Now: writer: the fork is refused." in shown.text
    assert "Sentences 1 to 3 are as before" in shown.text and "v1 (device) in cell 1" in shown.text.splitlines()[-1]
    again = nb.story(tux3, "I2", under="tux3")
    assert "the same run, step by step" in again.text and "read v0, and device wrote v1" in again.text
    with pytest.raises(UserError, match="no policy 'tux4'"):
        nb.story(tux3, "I2", under="tux4")
    with pytest.raises(UserError, match="I1 is HOLDS in case rdma"):
        nb.story(tux3, "I1")
    with pytest.raises(UserError, match="judges no property 'I99'"):
        nb.strip(tux3, "I99")


def test_three_pictures(tux3):
    """Before there is one folio, during there are two, after a cell is lost: it is marked, in text and page."""
    shown = nb.strip(tux3, "I2")
    before, during, after = re.split(r"^(?:before|during|after): ", shown.text, flags=re.MULTILINE)[1:]
    assert "folio B" not in before and "folio B" in during and after.count("≠") == 2
    assert shown.html.count("≠") == 2 and all(f"<b>{name}</b>" in shown.html for name in ("before", "during", "after"))


def test_a_folio_that_is_held_is_not_freed():
    """It leaves the file, in words and in the picture, and keeps its bytes; a freed one has none."""
    careless = nb.check("migration", "no_accounting")
    assert "A is the file's no more" in nb.story(careless).text and "freed" not in nb.story(careless).text
    assert re.search(r"folio A, the file's no more +v1 app +v1 device +device", nb.strip(careless).text)
    assert "folio A, freed" in nb.strip(nb.check("reuse", "tux3"), "I8").text


def test_whoever_should_not_look_is_marked():
    """A translation that leads to a freed folio: in the last picture only, in text and page."""
    shown = nb.strip(nb.check("reuse", "tux3"), "I8")
    assert (
        shown.text.count("✗") == shown.html.count("✗") == 1 and "other thread (ro) ✗" in shown.text.split("after:")[1]
    )


def test_policies_in_a_line():
    """Words first; the verdict is a link into the explorer; what breaks has a name; what is paid is counted."""
    table = nb.one_line("rdma", ["tux3", "reverse_fork"], workloads=["rdma"])
    assert table.loc["tux3", "verdict"] == "VIOLATED" and "(I2)" in table.loc["tux3", "what breaks"]
    page = table._repr_html_()
    assert 'href="#rdma/tux3/I2"' in page and 'href="#rdma/reverse_fork"' in page and "Fork unless pinned" in page
    assert "copies" in table.loc["reverse_fork", "what it pays"]
    own = nb.one_line("rdma", {"mine": {"fork": "never", "bounce": "pinned"}})
    assert (
        own.loc["mine", "in words"] == "" and ">mine<" in own._repr_html_() and list(own.columns)[-1] == "what breaks"
    )
    with pytest.raises(UserError, match="no workload 'rmda'"):
        nb.one_line("rdma", ["tux3"], workloads=["rmda"])


def test_addresses():
    """A policy by the name that the explorer knows it by, or by what it changes."""
    rdma = find("rdma")
    assert address(rdma, named_policy("reverse_fork"), "I2") == "#rdma/reverse_fork/I2"
    odd = {**named_policy("tux3"), "fork": "unless_pinned", "refuse": "in_place"}
    assert address(rdma, odd) == "#rdma/tux3+fork:unless_pinned+refuse:in_place"
    assert in_words(rdma, named_policy("tux3")).startswith("Tux3 as posted")
    assert in_words(rdma, odd) == "Forks unless pinned; a refused fork writes in place"
    assert short("Never fork, wait for the write-out (stable pages)") == "Never fork, wait for the write-out"
    titles = [short(NAMED[p][0]) for p in ("tux3", "copy_for_disk", "in_place", "stable_pages")]
    assert titles[0] == "Tux3 as posted in May 2015" and len(set(titles)) == 4 and all(len(t) < 61 for t in titles)
    assert (size(999), size(1200), size(2.5e6)) == ("999 B", "1.2 kB", "2.5 MB")


@pytest.mark.parametrize("name", ["vmsplice", "mmap+reader", "truncate+pinned", "crash"])
def test_the_explorer_knows_every_address(name):
    """The policy that a link names is one of those that the explorer of the case has."""
    case = find(name)
    known = {told["id"] for told in CaseSource(case).head["named"]}
    for policy in case.expect:
        assert address(case, named_policy(policy)).split("/")[1] in known


def test_cases_across_policies():
    """A word in each cell, what breaks below it, and a link that names case, policy and property."""
    table = nb.across(["mmap+executable", "mmap+reader"], ["tux3", "cowardly"])
    assert table.loc["mmap+executable"].to_dict() == {"tux3": "VIOLATED", "cowardly": "HOLDS"}
    page = table._repr_html_()
    assert 'href="#mmap+reader/tux3/I1"' in page and 'href="#mmap+executable/cowardly"' in page and ">I2<" in page
    with pytest.raises(UserError, match="name at least one case"):
        nb.across([], ["tux3"])


def test_what_mechanisms_guard():
    """With the mechanism the case holds, without it a property is named; the page has words and a link."""
    table = nb.guards({"the power fails": ("crash", "no_superblock_order")})
    assert table.loc["crash", "with its guard"] == "HOLDS" and table.loc["crash", "then"] == "VIOLATED(I6)"
    page = table._repr_html_()
    assert 'href="#crash/no_superblock_order/I6"' in page and "superblock written before" in page


def test_bars():
    """The longest bar is the largest number; every number is told."""
    shown = nb.bars({"a": 1000, "b": 250}, "ms/s")
    assert shown.text == "a: 1,000 ms/s\nb: 250 ms/s"
    assert "width:100.0%" in shown.html and "width:25.0%" in shown.html
    assert "width:0.0%" in nb.bars({"none": 0}, "ms/s").html
