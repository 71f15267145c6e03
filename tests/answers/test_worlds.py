"""The record of sets: written and read again, compared, kept in step by one command; damaged ones speak."""

from dataclasses import replace

import pytest

from tux3nb.answers.worlds import (
    SETS,
    WORLDS,
    Row,
    differences,
    explore_worlds,
    find_world,
    recorded_worlds,
    tell,
    written,
)
from tux3nb.cli import main
from tux3nb.commands import record
from tux3nb.errors import UserError
from tux3nb.paths import data_dir

ALL = recorded_worlds()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of data of its own, with the records as they are."""
    for name in (SETS, WORLDS, "verdicts.csv"):
        (tmp_path / name).write_text((data_dir() / name).read_text())
    for module in ("tux3nb.answers.worlds", "tux3nb.commands.record"):
        monkeypatch.setattr(f"{module}.data_dir", lambda: tmp_path)
    return tmp_path


def test_the_record_is_read_as_it_was_written():
    assert written(ALL.values()) == {name: (data_dir() / name).read_text() for name in (SETS, WORLDS)}


def test_a_row_counts_the_policies_that_its_world_tells_apart():
    for world in ALL.values():
        for row in world.rows[:3]:
            policies = world.product.load(row.diagram)
            assert policies.count() == row.policies and policies.text() == row.diagram


def test_worlds_come_in_the_order_asked_for_in_however_many_processes():
    names = ["stable_device", "crash", "free+uprobes+1"]
    assert explore_worlds(names) == explore_worlds(names, jobs=2) == [ALL[n] for n in names]


def test_bounds_are_told_in_words():
    assert ALL["free+rdma+1"].bounds == ("1 round, 6 operations, 5 actors, 1 process, 1 page, 3 folios, 2 deltas")
    assert "2 pages" in ALL["ordinary+two_pages"].bounds and "round" not in ALL["ordinary+two_pages"].bounds


# ---- what differs ---------------------------------------------------------------------------------------------------
def changed(world, k, diagram):
    """A world with the k-th row's set replaced by the policies of `diagram`."""
    rows = list(world.rows)
    rows[k] = Row(rows[k].property, rows[k].verdict, rows[k].depth, world.product.load(diagram).count(), diagram)
    return replace(world, rows=tuple(rows))


def test_a_set_that_lost_policies_is_one_line_with_a_short_cover():
    world = ALL["stable_device"]
    row = world.rows[0]
    smaller = world.product.load(row.diagram) - world.product.all.having("fork", "always")
    new = changed(world, 0, smaller.text())
    (found,) = differences({"stable_device": world}, {"stable_device": new})
    line = record.told(found)
    assert line.startswith(f"stable_device, {row.property} {row.verdict}: loses ") and "fork = always" in line
    assert "\n" not in line and "gains" not in line


def test_a_violation_that_comes_later_is_a_difference():
    world = ALL["stable_device"]
    rows = [replace(r, depth=r.depth + 1) for r in world.rows]
    lines = [record.told(d) for d in differences({"w": world}, {"w": replace(world, rows=tuple(rows))})]
    assert lines and all("first after" in line for line in lines)


def test_other_bounds_and_worlds_are_differences():
    world = ALL["stable_device"]
    told = [record.told(d) for d in differences({"a": world, "b": world}, {"a": replace(world, states=1), "c": world})]
    assert told == [f"stable_device: states {world.states} -> 1", "b: gone", "c: new"]


def test_equal_records_do_not_differ():
    assert list(differences(ALL, recorded_worlds())) == []


# ---- the command --------------------------------------------------------------------------------------------------
def test_record_of_one_case_writes_its_rows_only(folder, capsys):
    """A damaged row of it is written anew; the others stay."""
    lines = (folder / SETS).read_text().splitlines()
    (folder / SETS).write_text("\n".join(line for line in lines if not line.startswith("stable_device,")) + "\n")
    assert main(["record", "--check", "stable_device"]) == 1
    assert "stable_device, I5 VIOLATED: gains" in capsys.readouterr().out
    assert main(["record", "stable_device"]) == 0
    capsys.readouterr()
    for name in (SETS, WORLDS, "verdicts.csv"):
        assert (folder / name).read_text() == (data_dir() / name).read_text(), name
    assert main(["record", "--check", "stable_device", "free+uprobes+1"]) == 0
    assert "as recorded" in capsys.readouterr().err


def test_an_exploration_that_a_limit_ends_is_unfinished(folder, capsys):
    assert main(["record", "--check", "--sets", "crash", "--max-states", "100"]) == 3
    assert "crash: stopped  -> states 100" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["crsh", "free+rdmx+1", "free+rdma+0"])
def test_an_unknown_world_is_an_error(name, capsys):
    with pytest.raises(UserError):
        find_world(name)
    assert main(["record", "--check", name]) == 2
    assert capsys.readouterr().err.startswith("tux3nb record: ")


@pytest.mark.parametrize(
    ("name", "old", "new", "says"),
    [
        (SETS, "world,property", "world,prop", "line 1 is not world,property"),
        (SETS, "VIOLATED", "VIOLATE", "line 2"),
        (WORLDS, "name,rounds", "name,round", "line 1 is not name,rounds"),
        (WORLDS, "reclaim,0", "reclaim,zero", "line "),
        (WORLDS, "reclaim,0", "reclaims,0", "reclaim is not in worlds.csv"),
    ],
)
def test_a_damaged_record_names_file_and_line(folder, name, old, new, says):
    text = (folder / name).read_text()
    assert old in text
    (folder / name).write_text(text.replace(old, new, 1))
    with pytest.raises(UserError, match=says) as error:
        recorded_worlds()
    assert "writes it anew" in str(error.value)


@pytest.mark.slow
def test_every_world_that_is_not_large_comes_out_again():
    """Of the few that are larger `tux3nb record --check` asks; it takes minutes."""
    names = [n for n, w in ALL.items() if w.states < 60_000]
    assert len(names) > len(ALL) * 0.8
    new = {w.name: w for w in explore_worlds(names, jobs=2)}
    assert [record.told(d) for d in differences({n: ALL[n] for n in names}, new)] == []


def test_a_product_is_that_of_the_model_without_a_mechanism_switched_off():
    case = find_world("stable_device")
    assert tell(replace(case, base="no_mkclean")).rows == ALL["stable_device"].rows
