"""The answer and what it is drawn from: each says what the sets say, whichever way that is."""

import re

import pytest

from tux3nb import notebook
from tux3nb.answers.least import BUILDERS, mechanisms
from tux3nb.answers.matrix import recorded_everywhere
from tux3nb.catalogue import catalogue
from tux3nb.errors import UserError
from tux3nb.model.features import FEATURES
from tux3nb.show.perfection import number, those

EASY = ("ptrace+locked",)  # a file system can do it alone
HARD = ("mmap+private_region_readonly",)  # it takes core mm
PLAIN = "aio+late+get"  # it takes holders


@pytest.fixture(scope="module")
def every():
    return notebook.answers()


def test_a_policy_may_be_given_by_its_name(every):
    """`breaks`, `drops`, `qualified` and `least_change` take what the command line takes."""
    assert every.breaks("tux3") == every.breaks(notebook.named("tux3")) != ()
    assert every.breaks("fork=never,refuse=in_place")
    assert {d.feature for d in every.drops("perfect")} == set(mechanisms(notebook.named("perfect")))
    assert every.qualified("no_longterm") and every.least_change("stable_pages").fewest
    with pytest.raises(UserError, match="no policy 'tuxx'.*tux3"):
        every.breaks("tuxx")


def test_what_some_owners_build_is_what_has_no_mechanism_of_others(every):
    for who, allowed in BUILDERS.items():
        own = every.built_by(allowed)
        policy = own.pick()
        assert all(set(FEATURES[f].owner_of(v)) <= set(allowed) for f, v in mechanisms(policy).items()), who
    alone = every.built_by(BUILDERS["file system only"])
    assert not alone.having("longterm", "refused") and alone.having("bounce", "all")
    assert every.built_by(BUILDERS["with holders"]) == every.family.all


def test_the_answer_follows_the_worlds():
    """Three lines; where a file system can do it alone it says so, and where not, what it needs of whom."""
    easy, hard = (str(notebook.short_answer(notebook.answers(names))) for names in (EASY, HARD))
    assert len(easy.splitlines()) == len(hard.splitlines()) == 3
    assert "A file system can do it alone" in easy and "Not for a file system alone" in hard
    assert "core mm gives a process its own copy of private memory" in hard and "mainline" in hard
    both = str(notebook.short_answer(notebook.answers([*HARD, PLAIN])))
    assert "With the plain references of 2015" in both and "Where every holder pins that pins today: not for" in both
    assert "holders have to help" in both and "forks ask a registry of all holds" in str(notebook.short_answer())
    none = notebook.answers(["free+uprobes+2"])
    assert "No: each of" in str(notebook.short_answer(none)) and "no policy to build" in str(
        notebook.short_answer(none)
    )


def test_numbers_are_rounded_for_a_reader():
    assert [number(n) for n in (0, 999_999, 7_460_000, 55_200_000_000, 1_140_000_000_000)] == [
        "0",
        "999,999",
        "7.46 million",
        "55.2 billion",
        "1.14 trillion",
    ]


def test_tables_count_what_the_sets_have(every):
    asked = notebook.possible(every)
    assert asked.iloc[0]["policies that break nothing"] == f"{every.safe.count():,}"
    alone = every.built_by(BUILDERS["file system only"])
    assert asked.iloc[0]["by a file system alone"] == f"{(alone & every.safe).count():,}"
    by = notebook.builders(every)
    assert list(by.index) == list(BUILDERS) and by.loc["with holders", "of these break nothing"] == number(
        every.safe.count()
    )
    worth = notebook.worth(every)
    assert worth["in"].max() <= every.minimal.count() and "nothing" not in set(worth["without it breaks"])
    assert list(worth["in"]) == sorted(worth["in"], reverse=True)
    safe = notebook.shrinking(every)["still safe"]
    assert safe.is_monotonic_decreasing and safe.iloc[-1] == every.safe.count()
    assert number(every.safe.count()) in str(notebook.shrinking_chart(every))


@pytest.mark.parametrize("what", ["file system only", "refuse=wait_holder"])
def test_what_is_in_the_way_is_broken_by_the_best_of_them(every, what):
    """Without the worlds that are named, some of these policies is safe; with any one of them, none of the best."""
    own = those(what, every)
    failed = list(notebook.in_the_way(what, every).index)
    left = own
    for name, excluded in every.excluded.items():
        left = left if name in failed else left - excluded
    assert failed and left and not any(left - every.excluded[name] for name in failed)


def test_nothing_is_in_the_way_of_those_that_are_safe(every):
    assert list(notebook.in_the_way("fork=never", every).index) == [PLAIN]
    assert len(notebook.in_the_way("fork=never", notebook.answers(today=True))) == 0
    with pytest.raises(UserError, match="'core' is neither"):
        notebook.in_the_way("core")
    with pytest.raises(UserError, match="fork"):
        notebook.in_the_way("forkk=never")


def test_the_hypothesis_is_held_against_the_minimal_policies(every):
    ideas = notebook.hypothesis(every)
    for part in ideas.index:
        feature, value = part.split("=")
        told = int(ideas.loc[part, "of the least"].split()[0])
        assert told == every.minimal.having(feature, value).count()
        assert (ideas.loc[part, "is it right?"] == "none needs it") == (told == 0)


def test_the_heat_map_has_a_square_for_each_case_and_policy():
    page = notebook.heat("tux3", "copy_for_disk_ordered")
    assert page.html.count("✗</span>") == sum(
        word == "VIOLATED" for p in ("tux3", "copy_for_disk_ordered") for word in recorded_everywhere(p).values()
    )
    assert all(f'title="{name} under tux3: ' in page.html for name in catalogue())
    assert "written out from a copy" in str(page) and "  tux3 breaks I2 in " in str(page)
    promised = sum(word == "NOT PROMISED" for word in recorded_everywhere("mainline_6_5").values())
    assert notebook.heat("mainline_6_5").html.count("–</span>") == promised > 0
    with pytest.raises(UserError, match="tux3"):
        notebook.heat("tux4")


def test_a_run_to_a_state_that_is_asked_for():
    """Both halves of a read of two cells: one arrived before the fork's copy, one after."""
    torn = notebook.check("aio+tear", "tux3")
    half = {"slot[0]": 1, "cell[1,0]": 1, "cell[1,1]": 0, "cell[0,1]": 1}
    found = notebook.state(torn, half)
    assert {label: found[label] for label in half} == half
    with pytest.raises(UserError, match=r"no field 'slot\[9\]'"):
        torn.run({"slot[9]": 1})
    with pytest.raises(UserError, match="no run reaches"):
        torn.run({"committed": 1, "cur": 0})


def test_four_pictures_end_where_the_loss_is_seen():
    told = str(notebook.comic(notebook.check("rdma", "tux3"), "I2"))
    assert [line[0] for line in told.splitlines() if re.match(r"\d: ", line)] == ["1", "2", "3", "4"]
    assert "app and writer read v0, and device wrote v1" in told


def test_experiments_stand_beside_claims_that_are_explored_now(monkeypatch):
    monkeypatch.setattr("tux3nb.show.seen.live", lambda: False)  # a test before this one may have begun an IPython
    table = notebook.witnesses("ptrace")
    assert list(table.index) == ["ptrace-private", "ptrace-shared", "ptrace-read-only"]
    assert "ptrace+lost under stable_pages: I2 HOLDS" in table.loc["ptrace-shared", "the model"]
    assert table.loc["ptrace-read-only", "the model"].startswith("no case: ")
    assert len(notebook.witnesses()) > len(table) and "your kernel" not in table.columns
    with pytest.raises(UserError, match="'ptrase'.*ptrace"):
        notebook.witnesses("ptrase")


def test_a_reader_s_own_kernel_stands_beside_where_a_notebook_is_live(monkeypatch):
    monkeypatch.setattr("tux3nb.show.seen.live", lambda: True)
    monkeypatch.setattr("tux3nb.show.seen.here", lambda names: dict.fromkeys(names, "agrees"))
    assert set(notebook.witnesses("ptrace")["your kernel"]) == {"agrees"}


def test_commands_and_exit_codes_are_the_program_s():
    from tux3nb.cli import COMMANDS, EXIT_CODES

    assert [name.split()[1] for name in notebook.commands().index] == list(COMMANDS)
    assert "--minimal" in notebook.commands().loc["tux3nb policies", "options"]
    assert list(notebook.exit_codes().index) == list(EXIT_CODES)
