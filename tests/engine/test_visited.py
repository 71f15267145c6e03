"""Deduplication of a whole layer at once: exact, whatever the hashes."""

import random
import sys

import numpy as np
import pytest

import tux3nb.engine.frontier.search  # noqa: F401  what is patched must have been imported before, or it would stay so
from tux3nb.engine.explore import explore
from tux3nb.engine.family import Family, Numbers
from tux3nb.engine.frontier import hashing as index
from tux3nb.engine.frontier.hashing import Index, group, hashes
from tux3nb.engine.frontier.sets import MOST_SQUARE, SetArrays
from tux3nb.engine.frontier.visited import Visited, merged

from .worlds import alone, increments


class Masks(Family):
    """Seventy policies, as bit masks."""

    none, all = 0, (1 << 70) - 1


WEAK = {
    "good": lambda h: h,
    "upper bits equal": lambda h: h & np.uint64(0xFFFF),
    "few hashes": lambda h: h & np.uint64(7),
    "one hash": lambda h: h & np.uint64(0),
}


@pytest.fixture(params=WEAK)
def hash_of(request):
    weaken = WEAK[request.param]
    return lambda columns: weaken(hashes(columns))


def rows(rng, n):
    """Rows of two words, many of them equal, some that differ in one word only."""
    return np.array([(rng.randrange(12), rng.choice([0, 1, -(1 << 63), 1 << 62])) for _ in range(n)], np.int64)


@pytest.mark.parametrize("seed", range(10))
def test_groups_are_the_equal_rows(seed, hash_of):
    """Every group holds equal rows, all of them, and no two groups are equal."""
    words = rows(random.Random(seed), 100)
    order, starts, ordered = group(words, hash_of(words.T))
    ends = [*starts[1:], len(order)]
    found = [[tuple(words[i]) for i in order[a:b]] for a, b in zip(starts, ends, strict=True)]

    assert sorted(order) == list(range(100)) and (words[order] == ordered).all()
    assert all(len(set(members)) == 1 for members in found)
    assert len({members[0] for members in found}) == len(found)


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_an_index_is_a_dict(seed, apart, hash_of):
    """Rows have the numbers in the order in which they were entered, what was not entered has none."""
    rng, numbers = random.Random(seed), {}
    table = Index(2, apart)
    for _ in range(30):
        words = rows(rng, 40)
        assert table.find(words, hash_of(words.T)).tolist() == [numbers.get(tuple(w), -1) for w in words.tolist()]
        new = [w for w in dict.fromkeys(map(tuple, words.tolist())) if w not in numbers][: rng.randrange(9)]
        numbers.update({w: len(numbers) + n for n, w in enumerate(new)})
        entered = np.array(new, np.int64).reshape(-1, 2)
        table.enter(entered, hash_of(entered.T))
    assert table.n == len(numbers) and [tuple(w) for w in table.words[: table.n].tolist()] == list(numbers)


def test_an_index_grows(monkeypatch):
    """Far beyond its first size, and hashed again in several parts, it still knows every row."""
    monkeypatch.setattr("tux3nb.engine.frontier.hashing.AT_ONCE", 1 << 10)
    words = np.random.default_rng(0).permutation(np.arange(60_000, dtype=np.int64)).reshape(-1, 2)
    table = Index(2)
    for part in np.array_split(words, 17):
        table.enter(part, hashes(part.T))

    assert table.find(words, hashes(words.T)).tolist() == list(range(30_000))
    assert (table.find(words + 60_000, hashes((words + 60_000).T)) == -1).all()


def test_what_was_entered_is_found_while_others_are_entered(monkeypatch):
    """Another thread that finds at the worst moment, with the new table still empty, finds all that was there."""
    words = np.arange(40_000, dtype=np.int64).reshape(-1, 2)
    table, entered, fill = Index(2, apart=True), [words[:0]], index._take_slots

    def look_first(*arguments):
        known = np.concatenate(entered)
        assert table.find(known, hashes(known.T)).tolist() == list(range(len(known)))
        fill(*arguments)

    monkeypatch.setattr("tux3nb.engine.frontier.hashing._take_slots", look_first)
    for part in np.array_split(words, 9):
        table.enter(part, hashes(part.T))
        entered.append(part)


@pytest.mark.parametrize("seed", range(10))
def test_arriving_is_what_a_dict_does(seed, hash_of, monkeypatch):
    """Layer after layer, in one batch or two, new states and new policies are those that a dict of sets would find."""
    monkeypatch.setattr("tux3nb.engine.frontier.visited.hashes", hash_of)
    rng, numbers, plain = random.Random(seed), Numbers(Masks()), {}
    sets = SetArrays(numbers)
    seen = Visited(2, sets)
    for _ in range(12):
        begin, before, late = seen.n, dict(plain), {}
        for _ in range(rng.choice([1, 2])):
            words = rows(rng, 30)
            masks = [rng.randrange(1, 16) for _ in range(30)]
            for row, mask in zip(map(tuple, words.tolist()), masks, strict=True):
                plain[row] = plain.get(row, 0) | mask
            ids = np.array([numbers.number(m) for m in masks], np.int32)
            for row, i in zip(*seen.arrive(*merged(sets, words, ids), begin), strict=True):
                late[tuple(seen.words[row].tolist())] = late.get(tuple(seen.words[row].tolist()), 0) | numbers[i]
        fresh = map(tuple, seen.words[begin : seen.n].tolist())
        found = {row: numbers[i] for row, i in zip(fresh, seen.first[begin : seen.n], strict=True)} | late
        assert found == {row: plain[row] & ~before.get(row, 0) for row in plain if plain[row] != before.get(row, 0)}
    everything = zip(map(tuple, seen.words[: seen.n].tolist()), seen.total[: seen.n], strict=True)
    assert {row: numbers[i] for row, i in everything} == plain


def test_an_exploration_is_exact_under_clashing_hashes(monkeypatch):
    """With a hash of 4 bits the known counts are still found."""
    for user in ("hashing", "tables", "visited", "sets", "graph"):
        monkeypatch.setattr(f"tux3nb.engine.frontier.{user}.hashes", lambda columns: hashes(columns) & np.uint64(15))
    system = increments(3, 2)

    run = explore(system, alone(system), engine="numpy")

    assert (run.states(1), run.edge_count(1), run.depth(1)) == (904, 1_977, 12)


def test_pieces_of_a_layer_are_deduplicated_against_each_other(monkeypatch):
    """A layer expanded in many small pieces, in threads that take turns often, has the same states, edges and depth."""
    monkeypatch.setattr("tux3nb.engine.frontier.parallel.LARGEST", 4)
    system = increments(3, 2)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)

    try:
        run = explore(system, alone(system), engine="numpy")
    finally:
        sys.setswitchinterval(interval)

    assert (run.states(1), run.edge_count(1), run.depth(1)) == (904, 1_977, 12)


@pytest.mark.parametrize("most", [MOST_SQUARE, 3])
@pytest.mark.parametrize("seed", range(5))
def test_set_numbers_compute_sets(seed, most, monkeypatch):
    """Union, common part and difference are those of the sets themselves, with a table of all pairs and without."""
    monkeypatch.setattr("tux3nb.engine.frontier.sets.MOST_SQUARE", most)
    rng, numbers = random.Random(seed), Numbers(Masks())
    sets = SetArrays(numbers)
    masks = [[rng.getrandbits(70) for _ in range(6)] + [0] for _ in range(2)]
    x, y = ([rng.choice(m) for _ in range(200)] for m in masks)
    a, b = (np.array([numbers.number(m) for m in c], np.int32) for c in (x, y))

    def masks_of(ids):
        return [numbers[i] for i in ids]

    for _ in range(2):  # computed, then remembered
        assert masks_of(sets.union(a, b)) == [p | q for p, q in zip(x, y, strict=True)]
        assert masks_of(sets.common(a, b)) == [p & q for p, q in zip(x, y, strict=True)]
        assert masks_of(sets.minus(a, b)) == [p & ~q for p, q in zip(x, y, strict=True)]
    assert len(set(numbers.sets)) == len(numbers.sets)


def test_hashes_spread():
    """Small differences change about half of the bits, also of the upper ones that sorting uses."""
    words = np.arange(4096, dtype=np.int64).reshape(-1, 2)
    upper = hashes(words.T) >> np.uint64(52)

    assert len(set(hashes(words.T).tolist())) == len(words)
    assert len(set(upper.tolist())) > 1200
