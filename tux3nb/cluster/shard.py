"""What a worker does: expand states of a layer, take those of a shard in, and answer questions about them.

Every function here is a task: what it returns depends on what it is given and on nothing else, so that Dask may compute
it again elsewhere when a worker dies. A *shard* is the states whose hash names it. What it has after some layers, with
all that it takes to look states up, is a `Table`; that is kept in the process between tasks, and is made anew from the
shard's layers wherever it is missing: after a worker's death, on another worker, from a checkpoint, or because
memory was short. The layers are results that Dask keeps, and puts on disk where memory is short.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tux3nb.cluster.sets import Ids, Texts
from tux3nb.engine.compile import Compiled
from tux3nb.engine.family import Family
from tux3nb.engine.frontier.graph import LayerGraph
from tux3nb.engine.frontier.hashing import group, hashes
from tux3nb.engine.frontier.parallel import pieces
from tux3nb.engine.frontier.search import Tally
from tux3nb.engine.frontier.sets import ID
from tux3nb.engine.frontier.tables import Chunk, words_of
from tux3nb.engine.frontier.visited import merged
from tux3nb.engine.result import Exploration, Stopped
from tux3nb.engine.system import System

Making = tuple[Callable[..., tuple[System, Family]], tuple]
SHORT = 0.6  # of a worker's memory: above that, tables of other shards are dropped
NONE = np.empty(0, np.int64)
OWNER_BIT = np.uint64(40)  # from here on a hash says which shard; below, which slot of a table


@dataclass(frozen=True)
class Work:
    """One run, as each process has to know it. making: a function of a module, and its arguments, that give system and
    family. memory: the most bytes of a worker.
    """

    run: str
    making: Making
    shards: int
    memory: int | None = None


class Sized:
    """A result that tells Dask how large it is, so that it knows when to put results on disk."""

    def __sizeof__(self) -> int:
        found = vars(self).values()
        return sum(v.nbytes if isinstance(v, np.ndarray) else v.__sizeof__() for v in found)


@dataclass(eq=False)
class Layer(Sized):
    """What arrives in a shard in one layer: rows of words with policy sets, `new` states and then those that come late.

    begin: the number that the first new state has in the shard. late: the numbers of the late ones. The rest tells of
    the process that took them in: its address, and its memory in bytes.
    """

    words: np.ndarray
    ids: Ids
    new: int
    begin: int
    late: np.ndarray
    worker: str = ""
    memory: int = 0

    def numbers(self) -> np.ndarray:
        """The number that each row has in the shard."""
        return np.concatenate([np.arange(self.begin, self.begin + self.new), self.late])


@dataclass(eq=False)
class Gain(Sized):
    """Under which more policies states can settle: `rows` of a shard with policy sets. left: edges that are open."""

    rows: np.ndarray
    ids: Ids
    left: Edges


@dataclass(eq=False)
class Edges(Sized):
    """Edges by which a state may settle some day: from a row of this shard to a row of the shard `owner`."""

    rows: np.ndarray
    owner: np.ndarray
    after: np.ndarray
    ids: Ids


@dataclass(eq=False)
class Report:
    """What an exploration, or expanding some states, has told, in texts; see `Exploration`.

    named: reached, limits and fired with their policies; the counts of states and edges by policies. depth, of a task:
    the policies that have arrived in the layer.
    """

    violations: list[tuple]
    named: list[dict]
    depth: str = ""


@dataclass(eq=False)
class Table:
    """A shard after some layers; and after some gains, under which policies its states can settle."""

    graph: LayerGraph
    can: np.ndarray | None = None
    gains: int = 0


class Here:
    """What this process knows of a run."""

    def __init__(self, work: Work):
        make, arguments = work.making
        system, family = make(*arguments)
        self.compiled = Compiled(system, family)
        self.texts = Texts(self.compiled.numbers)
        self.base = LayerGraph(Exploration(self.compiled))
        self.sets, self.code, self.layout = self.base.sets, self.base.code, system.layout
        self.tables: dict[int, Table] = {}

    @contextmanager
    def table(self, shard: int, layers: Sequence[Any], gains: Sequence[Any] | None = None) -> Iterator[Table]:
        """The shard after these layers and gains: results, those at the end as they are, the others by key.

        It is nobody else's meanwhile, and is kept afterwards where no error has left it half done.
        """
        found = self.tables.pop(shard, None)
        if found is None or len(found.graph.layers) > len(layers) or found.gains > len(gains or ()):
            found = Table(LayerGraph(self.base.run, self.base))
            self._make_room()
        for layer in fetched(layers[len(found.graph.layers) :]):
            found.graph.arrive((layer.words, hashes(layer.words.T), self.texts.read(layer.ids)))
            found.graph.close_layer()
        if gains is not None:
            if found.can is None:
                seen = found.graph.seen
                settled = [self.code.settled(seen.words[p]) for p in pieces(seen.n)]
                found.can = np.where(np.concatenate([np.zeros(0, bool), *settled]), seen.total[: seen.n], ID(0))
            for gain in fetched(gains[found.gains :]):
                found.can[gain.rows] = self.sets.union(found.can[gain.rows], self.texts.read(gain.ids))
                found.gains += 1
        yield found
        self.tables[shard] = found

    def _make_room(self) -> None:
        """Drop the tables of other shards, those that have waited longest first, as long as memory is short."""
        limit = memory_limit()
        for shard in list(self.tables) if limit else ():
            if memory() < SHORT * limit:
                return
            self.tables.pop(shard, None)

    def as_set(self, text: str) -> int:
        return self.texts.number(text)


_runs: dict[str, Here] = {}
_starting = threading.Lock()


def here(work: Work) -> Here:
    """What this process knows of a run; made when it is first asked. Of others but the last nothing is kept."""
    with _starting:
        if work.run not in _runs:
            for run in list(_runs)[:-1]:
                del _runs[run]
            _runs[work.run] = Here(work)
        return _runs[work.run]


def forget(run: str) -> None:
    """The run is over."""
    _runs.pop(run, None)


# ---- the process -----------------------------------------------------------------------------------------------
def memory() -> int:
    """Bytes of main memory that this process has."""
    import psutil

    return psutil.Process().memory_info().rss


def memory_limit() -> int:
    """Bytes that Dask allows this worker; 0 where that is not limited."""
    worker = _worker()
    return (worker and worker.memory_manager.memory_limit) or 0


def address() -> str:
    """The worker's address."""
    worker = _worker()
    return worker.address if worker else "here"


def _worker() -> Any:
    """The worker that does this task; None where it is called as a function."""
    try:
        from distributed import get_worker

        return get_worker()
    except (ImportError, ValueError):
        return None


def fetched(several: Sequence[Any]) -> Iterator[Any]:
    """Results, one after the other; those at the end are given as they are, the others by key."""
    if several and isinstance(several[0], str):
        from distributed import Future, worker_client

        with worker_client() as client:  # other tasks, which may have to make them anew, go on meanwhile
            for one in several:
                yield client.submit(itself, Future(one, client), pure=False).result() if isinstance(one, str) else one
    else:
        yield from several


def itself(result: Any) -> Any:
    """A result as it is: as a task of its own, it can be asked for from within another."""
    return result


def check_memory(work: Work) -> None:
    """Raise Stopped where this process has more than the run allows."""
    if work.memory is not None and memory() > work.memory:
        raise Stopped(f"memory {work.memory}")


# ---- searching -------------------------------------------------------------------------------------------------
def owners(h: np.ndarray, shards: int) -> np.ndarray:
    """The shard of each row, by its hash."""
    return (h >> OWNER_BIT).astype(np.int64) % shards


def shard_of(words: np.ndarray, shards: int) -> int:
    """The shard of one state."""
    return int(owners(hashes(words[None].T), shards)[0])


def divided(states: dict[int, int], layout: Any, shards: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """A layer, state -> policies, as (words, policies) of each shard."""
    words, ids = words_of(states, layout), np.array(list(states.values()), ID)
    mine = owners(hashes(words.T), shards)
    return [(words[mine == s], ids[mine == s]) for s in range(shards)]


def expand(work: Work, depth: int, layer: Layer) -> tuple[Report, list[tuple[np.ndarray, Ids]]]:
    """Judge and expand what arrived in a layer: what that tells, and the successors by shard, each once."""
    me = here(work)
    words, ids = layer.words, me.texts.read(layer.ids)
    run = Exploration(me.compiled)
    run.depths = [0] * depth
    tally = Tally(run, me.base)
    tally.begin((words, ids))
    found = [(np.empty((0, words.shape[1]), np.int64), np.empty(0, ID))]
    for piece in pieces(len(ids)):
        check_memory(work)
        chunk = Chunk(words[piece], ids[piece])
        me.code.judge(chunk)
        me.code.expand(chunk)
        tally.add(chunk)
        after, _, k = merged(me.sets, chunk.moves.words, chunk.moves.ids)
        found.append((after, k))
    tally.enter()
    after, k = (np.concatenate(column) for column in zip(*found, strict=True))
    after, h, k = merged(me.sets, after, k)
    mine = owners(h, work.shards)
    parcels = []
    for shard in range(work.shards):
        at = np.flatnonzero(mine == shard)
        parcels.append((after[at], me.texts.tell(k[at])))
    report = told(run, me.texts)
    report.depth = me.texts.text(run.depths[-1])
    return report, parcels


def told(run: Exploration, texts: Texts) -> Report:
    """What an exploration found, in texts."""
    text = texts.text
    violations = [(v.property, v.reason, v.depth, v.state, text(v.policies), v.step) for v in run.violations]
    named = [{k: text(ids) for k, ids in found.items() if ids} for found in (run.reached, run.limits, run.fired)]
    counted = [{text(k): n for k, n in found.items() if n} for found in (run.state_sets, run.edge_sets)]
    return Report(violations, [*named, *counted])


def heard(run: Exploration, texts: Texts, report: Report) -> None:
    """Enter a report into an exploration."""
    union = run.numbers.union
    for prop, reason, depth, state, text, step in report.violations:
        run.violate(prop, reason, depth, state, texts.number(text), step)
    for into, found in zip((run.reached, run.limits, run.fired), report.named, strict=False):
        for key, text in found.items():
            into[key] = union[into[key]][texts.number(text)]
    for into, found in zip((run.state_sets, run.edge_sets), report.named[3:], strict=True):
        for text, n in found.items():
            into[texts.number(text)] += n


def absorb(
    work: Work, shard: int, before: list[Layer], parcels: list[tuple[np.ndarray, Ids]], keys: list[str]
) -> Layer:
    """Take successors into a shard: the layer that they make. before: its last layer, keys: those before that."""
    me = here(work)
    check_memory(work)
    with me.table(shard, [*keys, *before]) as table:
        graph = table.graph
        for words, ids in parcels:
            graph.arrive((words, hashes(words.T), me.texts.read(ids)))
        return replace(closed(graph, me.texts), worker=address(), memory=memory())


def closed(graph: LayerGraph, texts: Texts) -> Layer:
    """What has arrived in a shard since its last layer, as the next one."""
    words, ids = graph.close_layer()
    first, end = graph.bounds[-2:]
    return Layer(words, texts.tell(ids), end - first, first, graph.late[-1][0])


@dataclass(frozen=True)
class Head:
    """A layer of a shard in numbers."""

    arrivals: int
    states: int
    bytes: int
    worker: str
    memory: int


def head(layer: Layer) -> Head:
    """What a client has to know of a layer."""
    states = layer.begin + layer.new
    size = layer.__sizeof__()
    return Head(len(layer.ids), states, size, layer.worker, layer.memory)


def part(whole: Any, *path: int) -> Any:
    """A part of a result, so that no more than that travels."""
    for n in path:
        whole = whole[n]
    return whole


# ---- progress --------------------------------------------------------------------------------------------------
Columns = tuple[np.ndarray, ...]
Question = np.ndarray  # rows of words, or numbers of states


@dataclass(eq=False)
class Asked(Sized):
    """What a shard asks others about some states, and what it keeps until they answer.

    edges: from `rows` (which may repeat) under `ids`; place[n] is where edge n stands among all questions, one shard's
    after the other's. gain: what the states `gained` can do without an answer.
    """

    rows: np.ndarray
    ids: Ids
    owner: np.ndarray
    place: np.ndarray
    gained: np.ndarray
    gain: Ids


def ask(work: Work, shard: int, depth: int, keys: list[str], gains: list) -> tuple[Asked, list[Question]]:
    """Ask about the successors of a layer's states that cannot settle yet, as far as is known; by shard, each once."""
    me = here(work)
    with me.table(shard, keys, gains) as table:
        seen, bounds = table.graph.seen, table.graph.bounds
        begin, end = bounds[depth : depth + 2]
        todo = me.sets.minus(seen.total[begin:end], table.can[begin:end])
        at = np.flatnonzero(todo)
        rows, todo, states = begin + at, todo[at], seen.words[begin + at]
    release = np.array([step.rule.release for step in me.compiled.system.steps], bool)
    gain = np.zeros(len(rows), ID)
    found = [(np.empty(0, np.int64), np.empty(0, ID), np.empty((0, states.shape[1]), np.int64))]
    for piece in pieces(len(rows)):
        check_memory(work)
        chunk = Chunk(states[piece], todo[piece])
        me.code.expand(chunk)
        limit = np.array([me.compiled.events[n].kind == "limit" for n in chunk.events.numbers.tolist()], bool)
        curbed = chunk.events.only(limit)  # behind a limit of the model anything may come
        me.sets.unite(gain, piece.start + curbed.rows, curbed.ids)
        moves = chunk.moves.only(~release[chunk.moves.numbers])
        found.append((piece.start + moves.rows, moves.ids, moves.words))
    source, ids, after = (np.concatenate(column) for column in zip(*found, strict=True))
    left = me.sets.minus(ids, gain[source])
    at = np.flatnonzero(left)
    source, ids, after = source[at], left[at], after[at]
    h = hashes(after.T)
    order, starts, ordered = group(after, h)
    different, which = ordered[starts], np.empty(len(order), np.int64)
    which[order] = np.cumsum(np.bincount(starts, minlength=len(order))) - 1 if len(order) else 0
    owner = owners(h[order[starts]], work.shards)
    return _asked(work, (rows[source], ids, which), (different, owner), (rows, gain))


def ask_again(work: Work, gain: Gain) -> tuple[Asked, list[Question]]:
    """Ask about the successors by the edges that a gain has left open."""
    me, edges = here(work), gain.left
    target = edges.owner << 40 | edges.after
    different, which = np.unique(target, return_inverse=True)
    owner, after = different >> 40, different & (1 << 40) - 1
    ids = me.texts.read(edges.ids)
    return _asked(work, (edges.rows, ids, which), (after, owner), (NONE, np.empty(0, ID)))


def _asked(work: Work, edges: Columns, asked: Columns, gains: Columns) -> tuple[Asked, list[Question]]:
    """edges: (state, policies, which question); asked: (question, owner), each once; gains: (state, policies)."""
    me, (rows, ids, which), (different, owner), (gained, gain) = here(work), edges, asked, gains
    by_owner = np.argsort(owner, kind="stable")
    place = np.empty(len(by_owner), np.int64)
    place[by_owner] = np.arange(len(by_owner))
    questions = [different[owner == s] for s in range(work.shards)]
    some = np.flatnonzero(gain)
    told = me.texts.tell(gain[some])
    return Asked(rows, me.texts.tell(ids), owner[which], place[which], gained[some], told), questions


def answer(
    work: Work, shard: int, questions: list[Question], keys: list[str], gains: list
) -> list[tuple[np.ndarray, Ids]]:
    """For each shard that asks: the numbers of the states, and the policies under which they can settle."""
    me = here(work)
    out = []
    with me.table(shard, keys, gains) as table:
        for question in questions:
            rows = question if question.ndim == 1 else table.graph.seen.find(question, hashes(question.T))
            out.append((rows.astype(np.int64), me.texts.tell(table.can[rows])))
    return out


def settle(work: Work, both: tuple[Asked, list[Question]], answers: list[tuple[np.ndarray, Ids]]) -> Gain:
    """What the answers say about a shard's own states, and which edges are left open."""
    me, asked = here(work), both[0]
    after = np.concatenate([rows for rows, _ in answers])[asked.place]
    can = np.concatenate([me.texts.read(ids) for _, ids in answers])[asked.place]
    ids = me.texts.read(asked.ids)
    rows, which = np.unique(np.concatenate([asked.gained, asked.rows]), return_inverse=True)
    gain = np.zeros(len(rows), ID)
    me.sets.unite(gain, which, np.concatenate([me.texts.read(asked.gain), me.sets.common(ids, can)]))
    left = me.sets.minus(ids, gain[which[len(asked.gained) :]])
    at, some = np.flatnonzero(left), np.flatnonzero(gain)
    edges = Edges(asked.rows[at], asked.owner[at], after[at], me.texts.tell(left[at]))
    return Gain(rows[some], me.texts.tell(gain[some]), edges)


def gained(gain: Gain) -> tuple[int, int]:
    """(states that have gained, edges left open)."""
    return len(gain.rows), len(gain.left.rows)


def left_open(gains: list[Gain]) -> Gain:
    """All edges that a sweep has left open, as a gain of nothing."""
    found = [gain.left for gain in gains]
    columns = ([e.rows, e.owner, e.after] for e in found)
    rows, owner, after = (np.concatenate(column) for column in zip([NONE] * 3, *columns, strict=True))
    return Gain(NONE, Ids(np.empty(0, ID), []), Edges(rows, owner, after, joined(e.ids for e in found)))


def joined(several: Iterable[Ids]) -> Ids:
    """Rows of sets one below the other."""
    place: dict[str, int] = {}
    which = [np.empty(0, ID)]
    for ids in several:
        here = np.array([place.setdefault(t, len(place)) for t in ids.texts], ID)
        which.append(here[ids.which] if len(here) else ids.which)
    return Ids(np.concatenate(which), list(place))


def stuck(work: Work, shard: int, keys: list[str], gains: list) -> Gain:
    """The states of a shard that cannot settle, and under which policies."""
    me = here(work)
    with me.table(shard, keys, gains) as table:
        seen = table.graph.seen
        left = me.sets.minus(seen.total[: seen.n], table.can)
    rows = np.flatnonzero(left)
    return Gain(rows, me.texts.tell(left[rows]), Edges(NONE, NONE, NONE, Ids(np.empty(0, ID), [])))


# ---- questions about layers ------------------------------------------------------------------------------------
def _packed(me: Here, words: np.ndarray) -> list[int]:
    return [me.base.packed(row) for row in words.tolist()]


def arrived(work: Work, layer: Layer) -> list[tuple[int, str]]:
    """(state, policies) of all that arrives in a layer."""
    texts = [layer.ids.texts[n] for n in layer.ids.which.tolist()]
    return list(zip(_packed(here(work), layer.words), texts, strict=True))


def edges(work: Work, layer: Layer) -> list[tuple[int, int, int, str]]:
    """(state, step, successor, policies) of the steps from a layer."""
    me = here(work)
    out = []
    for state, text in arrived(work, layer):
        out += [(state, i, after, me.texts.text(k)) for i, after, k in me.compiled.steps(state, me.as_set(text))]
    return out


def has(work: Work, layer: Layer, policy: str, state: int) -> bool:
    """Whether a policy reaches a state first in this layer."""
    me = here(work)
    same = np.flatnonzero((layer.words == words_of([state], me.layout)[0]).all(axis=1))
    mine = me.compiled.numbers.common[me.as_set(policy)]
    return any(mine[me.as_set(layer.ids.texts[k])] for k in layer.ids.which[same].tolist())


def before(work: Work, layer: Layer, state: int) -> list[tuple[int, int, str, str]]:
    """(step, source, policies of the source, policies of the step) from a layer to a state; see `Graph.before`."""
    me = here(work)
    everyone, text = me.compiled.numbers.all, me.texts.text
    near = np.flatnonzero(me.base.near(layer.words, words_of([state], me.layout)[0]))
    out = []
    for source, k in zip(_packed(me, layer.words[near]), layer.ids.which[near].tolist(), strict=True):
        steps = me.compiled.steps(source, everyone)
        out += [(step, source, layer.ids.texts[k], text(mine)) for step, after, mine in steps if after == state]
    return out


def stuck_here(work: Work, layer: Layer, lost: Gain, every: bool = True) -> list[tuple[int, str]]:
    """(state, policies) of the stuck arrivals of a layer; or the first of each policy set."""
    me = here(work)
    if not len(lost.rows):
        return []
    rows = layer.numbers()
    at = np.minimum(np.searchsorted(lost.rows, rows), len(lost.rows) - 1)
    left = np.where(lost.rows[at] == rows, me.texts.read(lost.ids)[at], ID(0))
    left = me.sets.common(me.texts.read(layer.ids), left)
    some = np.flatnonzero(left) if every else np.sort(np.unique(left, return_index=True)[1])
    some = some[left[some] > 0]
    return [(s, me.texts.text(k)) for s, k in zip(_packed(me, layer.words[some]), left[some].tolist(), strict=True)]


def all_stuck(work: Work, layers: list[Layer], lost: Gain) -> list[tuple[int, str]]:
    """(state, policies) of every stuck state."""
    me = here(work)
    words = np.concatenate([layer.words[: layer.new] for layer in layers])
    texts = [lost.ids.texts[n] for n in lost.ids.which.tolist()]
    return list(zip(_packed(me, words[lost.rows]), texts, strict=True))
