"""A world divided among shards: the same answers as in one process, whatever the number of shards."""

import shutil
import sys
from dataclasses import replace

import pytest

from tests.cluster.inline import Inline
from tests.engine.compare import same_answers
from tux3nb.answers.judge import Judged
from tux3nb.cases.case import named
from tux3nb.catalogue import find
from tux3nb.cluster import shard as on
from tux3nb.cluster.connect import connected
from tux3nb.cluster.sets import set_of, text_of
from tux3nb.cluster.worlds import explore_on
from tux3nb.engine.explore import explore
from tux3nb.engine.family import Listed
from tux3nb.engine.result import Limits
from tux3nb.engine.runs import judge_progress
from tux3nb.errors import UserError
from tux3nb.model.features import FEATURES

POLICIES = ("tux3", "stable_pages", "reverse_fork", "quiesced_wait")  # the last one waits for ever in rdma's cases


def listed():
    return Listed(FEATURES, [named(n) for n in POLICIES])


def everything(case, run, names):
    """Verdicts, depths, reasons and runs with all their states."""
    for p in case.properties:
        if p.needs_graph:
            judge_progress(run, p.id)
    judged = Judged(case, run)
    answers = [judged.answer(named(n)) for n in names]
    return [[(r.property, r.depth, r.reason, str(r), r.run and r.run.states) for r in a.rows] for a in answers]


@pytest.mark.parametrize("shards", [1, 3])
@pytest.mark.parametrize("name", ["rdma+deregister_clean", "rdma+wait_for_holder", "uprobes+read_fault"])
def test_the_same_answers_for_any_number_of_shards(name, shards):
    """States, policies, depths, what is stuck, edges, and the runs that are shown."""
    case, family = find(name), listed()
    run = explore_on(Inline(shards), case, family, engine="numpy")
    plain = explore(case.system, family, engine="numpy")

    assert run.graph.search.work.shards == shards and len(run.graph.search.layers[0]) > 10
    same_answers(plain, run)
    assert bool(dict(plain.graph.stuck())) == name.startswith("rdma")
    assert sum(n for n in run.edge_sets.values()) == len(run.graph.edges)
    assert everything(case, run, POLICIES) == everything(case, plain, POLICIES)


def test_behind_a_limit_of_the_model_anything_may_come():
    """A world with too few folios: what it curbs is not stuck."""
    case = replace(find("rdma+wait_for_holder"), folios=1)
    family = Listed(FEATURES, [named(n) for n in ("tux3", "rik_wait_holder")])
    plain = explore(case.system, family, engine="numpy")
    assert plain.limits

    same_answers(plain, explore_on(Inline(2), case, family, engine="numpy"))


def test_the_whole_product_is_divided_too():
    """Sets of policies are decision diagrams, and each process numbers them in its own way."""
    case = find("uprobes+read_fault")
    family = case.product()
    run = explore_on(Inline(2), case, family, engine="numpy")

    same_answers(explore(case.system, family, engine="numpy"), run)


def test_a_set_is_told_alike_everywhere():
    """Another process numbers sets in another order, and makes another family: the text is the same."""
    product = find("aio+writeout").product()
    sets = [product.members(f, values[:n]) for f in product.vary for values in [tuple(f.values)] for n in (1, 2)]
    sets += [a & ~b for a in sets[:6] for b in sets[-6:]] + [product.all, product.none]
    again = find("aio+writeout").product()

    assert [set_of(text_of(s), again) for s in sets] == sets
    assert len({text_of(s) for s in sets}) == len(set(sets))


# ---- checkpoints ---------------------------------------------------------------------------------------------
def stopped(folder, states=150, name="rdma+deregister_clean"):
    """A search that a limit has ended, with its checkpoint in a folder."""
    case = find(name)
    run = explore_on(Inline(2, str(folder)), case, listed(), Limits(states=states), engine="numpy")
    assert run.stopped == f"states {states}" and run.shared_states >= states
    return case


@pytest.mark.parametrize("shards", [2, 3])
def test_a_checkpoint_is_gone_on_with(tmp_path, shards):
    """The search begins where it stopped, with the shards that it had, and gives the same answers."""
    case = stopped(tmp_path / "kept")
    at = Inline(shards, str(tmp_path / "kept"))
    run = explore_on(at, case, listed(), engine="numpy")

    assert run.graph.search.work.shards == 2 and run.stopped is None
    same_answers(explore(case.system, listed(), engine="numpy"), run)
    before = len(at.known)
    explore_on(at, case, listed(), engine="numpy")
    assert len(at.known) == before  # all is found: nothing is left to do


def test_a_checkpoint_of_something_else_is_refused(tmp_path, monkeypatch):
    """Another case, other policies, another version, other files, a damaged one: one line, and nothing is written."""
    stopped(tmp_path / "kept")
    before = {p.name: p.read_bytes() for p in (tmp_path / "kept").iterdir()}

    def refused(case, family, folder=tmp_path / "kept"):
        with pytest.raises(UserError) as error:
            explore_on(Inline(2, str(folder)), case, family, engine="numpy")
        assert str(folder) in str(error.value) and "\n" not in str(error.value)
        return str(error.value)

    case = find("rdma+deregister_clean")
    assert "of rdma+deregister_clean, not of aio+writeout" in refused(find("aio+writeout"), listed())
    assert "of other policies" in refused(case, case.one(named("tux3")))
    monkeypatch.setattr("tux3nb.cluster.checkpoint.fingerprint", lambda: "9.9 (abcdef)")
    assert "this is 9.9 (abcdef)" in refused(case, listed())
    monkeypatch.undo()
    assert before == {p.name: p.read_bytes() for p in (tmp_path / "kept").iterdir()}

    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    assert "other files" in refused(case, listed(), tmp_path / "mine")
    for name, what in (("search.json", b"{}"), ("layer-0003.npz", b"no zip"), ("layer-0004.npz", None)):
        shutil.copytree(tmp_path / "kept", tmp_path / name)
        (tmp_path / name / name).write_bytes(what) if what else (tmp_path / name / name).unlink()
        assert "is damaged" in refused(case, listed(), tmp_path / name)


# ---- limits --------------------------------------------------------------------------------------------------
def test_limits_end_in_unfinished():
    """With what was covered: the states found so far, and a verdict for nobody that is not violated."""
    case = find("rdma+deregister_clean")
    for limits, said in (
        (Limits(states=100), "states 100"),
        (Limits(memory=1), "memory 1"),
    ):
        run = explore_on(Inline(2), case, listed(), limits, engine="numpy")
        assert run.stopped == said and run.unfinished() == run.family.all
        assert str(Judged(case, run).answer(named("tux3")).row("I1")) == f"UNFINISHED({said})"
    assert not judge_progress(run, "I7")


def test_memory_is_given_back_when_it_is_short(monkeypatch):
    """Tables of other shards are dropped, and made anew from their layers; the answers stay."""
    at, made, table = Inline(2), [], on.Table
    monkeypatch.setattr(on, "memory_limit", lambda: 1)
    monkeypatch.setattr(on, "Table", lambda *given: made.append(1) or table(*given))
    monkeypatch.setattr(on, "fetched", lambda several: (at.known[s] if isinstance(s, str) else s for s in several))
    case = find("aio+writeout")
    run = explore_on(at, case, case.one(named("tux3")), engine="numpy")

    same_answers(explore(case.system, case.one(named("tux3")), engine="numpy"), run)
    assert len(made) > 10


def test_without_dask_it_is_named(monkeypatch):
    """Where it is asked for; nothing else needs it."""
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UserError, match=r"pip install 'tux3nb\[cluster\]'"), connected(workers=2):
        pass
    run = explore_on(Inline(2), find("aio+writeout"), listed(), Limits(states=100), engine="numpy")
    assert run.stopped == "states 100"
