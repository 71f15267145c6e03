"""Deduplication of a whole layer at once: exact, whatever the hashes."""

import random

import numpy as np
import pytest

from tux3nb.backend import visited
from tux3nb.backend.sets import Cut, PolicySets
from tux3nb.backend.visited import Visited, group, hashes
from tux3nb.explore import explore

from .worlds import alone, increments

WEAK = {
    "good": lambda h: h,
    "upper bits equal": lambda h: h & np.uint64(0xFFFF),
    "few hashes": lambda h: h & np.uint64(7),
    "one hash": lambda h: h & np.uint64(0),
}


@pytest.fixture(params=WEAK)
def hash_of(request):
    weaken = WEAK[request.param]
    return lambda words: weaken(hashes(words))


def rows(rng, n):
    """Rows of two words, many of them equal, some that differ in one word only."""
    return np.array([(rng.randrange(12), rng.choice([0, 1, -(1 << 63), 1 << 62])) for _ in range(n)], np.int64)


@pytest.mark.parametrize("seed", range(10))
def test_groups_are_the_equal_rows(seed, hash_of):
    """Every group holds equal rows, all of them, and no two groups are equal."""
    words = rows(random.Random(seed), 100)
    order, starts, ordered = group(words, hash_of(words))
    ends = [*starts[1:], len(order)]
    found = [[tuple(words[i]) for i in order[a:b]] for a, b in zip(starts, ends, strict=True)]

    assert sorted(order) == list(range(100)) and (words[order] == ordered).all()
    assert all(len(set(members)) == 1 for members in found)
    assert len({members[0] for members in found}) == len(found)


@pytest.mark.parametrize("seed", range(10))
def test_entering_is_what_a_dict_does(seed, hash_of):
    """Batch after batch, new states and new policies are those that a dict of sets would find."""
    rng, sets, plain = random.Random(seed), PolicySets(), {}
    seen = Visited(2, sets)
    for _ in range(12):
        words = rows(rng, 30)
        masks = [rng.randrange(1, 16) for _ in range(30)]
        ids = np.array([sets.number(m) for m in masks], np.int32)
        fresh, fresh_ids, late, late_ids, _ = seen.enter(words, hash_of(words), ids)
        before = dict(plain)
        for row, mask in zip(map(tuple, words), masks, strict=True):
            plain[row] = plain.get(row, 0) | mask
        new = {row: plain[row] & ~before.get(row, 0) for row in plain if plain[row] != before.get(row, 0)}
        assert {tuple(w): sets.masks[i] for w, i in zip(fresh, fresh_ids, strict=True)} == {
            row: mask for row, mask in new.items() if row not in before
        }
        assert {tuple(w): sets.masks[i] for w, i in zip(late, late_ids, strict=True)} == {
            row: mask for row, mask in new.items() if row in before
        }
    assert seen.n == len(plain)
    assert {tuple(w): sets.masks[i] for w, i in zip(seen.words[: seen.n], seen.total, strict=False)} == plain


def test_an_exploration_is_exact_under_clashing_hashes(monkeypatch):
    """With a hash of 4 bits the known counts are still found."""
    for user in ("shards", "layergraph", "settling"):
        monkeypatch.setattr(f"tux3nb.{user}.hashes", lambda words: hashes(words) & np.uint64(15 << 40))
    system = increments(3, 2)

    run = explore(system, alone(system), engine="frontier")

    assert (run.states(0), run.edge_count(0), run.depth(0)) == (904, 1_977, 12)


def test_batches_of_a_layer_are_deduplicated_against_each_other(monkeypatch):
    """A layer entered in many small batches has the same states, edges and depth."""
    monkeypatch.setattr("tux3nb.layergraph.BATCH", 10)
    for user in ("shards", "layergraph"):  # on both cores, too
        monkeypatch.setattr(f"tux3nb.{user}.SMALLEST", 4)
    monkeypatch.setattr("tux3nb.layergraph.LARGEST", 8)
    system = increments(3, 2)

    run = explore(system, alone(system), engine="frontier")

    assert (run.states(0), run.edge_count(0), run.depth(0)) == (904, 1_977, 12)


@pytest.mark.parametrize("seed", range(5))
def test_set_numbers_compute_sets(seed):
    """Union, common part, difference and cutting by a table are those of the sets themselves."""
    rng, sets = random.Random(seed), PolicySets()
    masks = [[rng.getrandbits(70) for _ in range(6)] + [0] for _ in range(2)]
    chosen = [[rng.choice(m) for _ in range(200)] for m in masks]
    a, b = (np.array([sets.number(m) for m in c], np.int32) for c in chosen)
    table = tuple(rng.getrandbits(70) for _ in range(4))
    row = np.array([rng.randrange(4) for _ in a])

    def masks_of(ids):
        return [sets.masks[i] for i in ids]

    x, y = chosen
    assert masks_of(sets.union(a, b)) == [p | q for p, q in zip(x, y, strict=True)]
    assert masks_of(sets.common(a, b)) == [p & q for p, q in zip(x, y, strict=True)]
    assert masks_of(sets.minus(a, b)) == [p & ~q for p, q in zip(x, y, strict=True)]
    cut = Cut(sets, table)
    for _ in range(2):  # computed, then remembered
        assert masks_of(cut(a, row)) == [p & table[r] for p, r in zip(x, row, strict=True)]
    assert len(set(sets.masks)) == len(sets.masks)


def test_hashes_spread():
    """Small differences change about half of the bits, also of the upper ones that sorting uses."""
    words = np.arange(4096, dtype=np.int64).reshape(-1, 2)
    upper = hashes(words) >> np.uint64(52)

    assert len(set(hashes(words).tolist())) == len(words)
    assert len(set(upper.tolist())) > 1200
    assert visited.hashes(words[:1]) == hashes(words)[:1]
