"""The explorer's document and the widget's answers: they say what the engine says, for any policy of the product."""

import base64
import gzip
import json
import random

import pytest

from tux3nb.answers.judge import check
from tux3nb.catalogue import find
from tux3nb.engine.runs import replay
from tux3nb.errors import UserError
from tux3nb.model.broken import broken, reads
from tux3nb.model.features import FEATURES, named_policy
from tux3nb.show.explorer.answers import CaseSource
from tux3nb.show.explorer.assets import module
from tux3nb.show.explorer.document import has, marks, pack, shown, unpack, verdict, why_not
from tux3nb.show.explorer.helps import HELP
from tux3nb.show.explorer.page import First, figure, page_assets, plain_text, static_html

NAMES = ("migration+isolated", "mmap+executable", "crash", "uprobes+saved")
MOST = 1_500_000


@pytest.fixture(scope="module", params=NAMES)
def source(request):
    return CaseSource(find(request.param))


@pytest.fixture(scope="module")
def document(source):
    return source.document()


def drawn(source, count, seed=3):
    """Random policies of the case's product, as the page has them, and the named ones outside of it."""
    rng, found = random.Random(seed), []
    while len(found) < count:
        policy = source.whole({})
        policy |= {f.id: rng.choice(list(f.values)) for f, _ in source.features if not f.control}
        if FEATURES.why_not(policy) is None:
            found.append(policy)
    return [*found, *source.outside.values()]


def agrees(source, document, policies):
    """Check what the document says of these policies against the engine."""
    case = source.case
    for policy in policies:
        told, answer = source.diagram.policy(policy), check(case, policy)
        assert verdict(document, told) == answer.verdict
        for row in answer.rows:
            assert verdict(document, told, row.property) == row.verdict
            number = shown(document, told, row.property)
            assert number is not None, (policy, row.property)
            run = document["runs"][number]
            steps = [document["steps"][s]["n"] for s, _ in run["steps"]]
            judged = source.schedules_of(policy)
            replay(judged.run.compiled, judged.run.number(policy), steps)  # it is a run of this very policy
            broken = list(marks(run, row.property))
            if row.verdict == "VIOLATED":
                assert run["depth"] == row.depth and any(broken), (policy, row.property)
            else:
                assert not any(broken)


def test_the_document_is_the_engines(source, document):
    """Verdicts, runs and marks of random policies of the whole product."""
    agrees(source, document, drawn(source, 12))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["rdma", "ptrace", "ordinary", "mmap+race", "aio+index", "splice"])
def test_the_large_documents_are_too(name):
    """The same for the cases that the notebooks open with."""
    source = CaseSource(find(name))
    document = source.document()
    agrees(source, document, drawn(source, 40))
    assert len(pack(document)) < MOST / 8


def test_every_set_is_whole(source, document):
    """Of every policy there is one verdict; one that makes no sense has none, and a reason."""
    rng = random.Random(5)
    for _ in range(200):
        policy = {f["id"]: rng.choice(f["values"])["id"] for f in document["features"]}
        for name, row in document["verdicts"].items():
            found = [v for v, s in row.items() if has(document, s, policy)]
            assert len(found) == has(document, document["all"], policy), (name, policy)
        if not has(document, document["all"], policy):
            assert why_not(document, policy)


def test_a_follow_is_the_schedule(document):
    """A run that follows is the reference's up to the step where the policies part, and says which that is."""
    for prop, entries in document["follows"].items():
        theirs = document["runs"][document["references"][prop]["run"]]["steps"]
        for number, _ in entries:
            run = document["runs"][number]
            if run["mirrors"] is None:
                continue
            parts = len(run["steps"]) if run["differs"] is None else run["differs"]
            assert [s for s, _ in run["steps"][:parts]] == [s for s, _ in theirs[:parts]]
            assert run["differs"] is None or run["steps"][parts : parts + 1] != theirs[parts : parts + 1]


def test_numbers_lead_somewhere(document):
    """Every number in a view, a run or a mark is one of an entry; the graph has a word for each part."""
    d = document
    for view in d["views"]:
        assert all(n < len(d["rows"]) for n in view["rows"])
        assert len(view["graph"]) == len(d["graph"]["parts"]) and max(view["graph"]) < len(d["words"])
        assert all(v < len(d["views"]) and s < len(d["steps"]) for s, v, _, _ in view["next"])
    for run in d["runs"]:
        assert len(run["states"]) == len(run["steps"]) + 1
        assert all(a["from"] < a["to"] <= len(run["steps"]) for a in run["arrows"])
        assert all(m < len(d["marks"]) for bar in run["bars"].values() for _, m in bar)
    assert unpack(pack(d)) == d and len(pack(d)) < len(base64.b64encode(gzip.compress(json.dumps(d).encode(), 9)))


def test_page_and_figure(document):
    """The element is readable without scripts: sentence, policy, bytes; the page's scripts are ours and few."""
    page = static_html(document)
    assert page.startswith("<tux-explorer><figure") and len(page) < MOST / 4
    assert "<table>" in figure(First(document)) and "data:image/svg+xml" in figure(First(document), image=True)
    assert document["case"]["asks"] in plain_text(First(document))
    assert page_assets().count("<script") == 2


def test_answers_equal_the_document(source, document):
    """What the kernel answers for a policy is what the page has for it."""
    for policy in drawn(source, 4, seed=9):
        told = source.diagram.policy(policy)
        answer = source.answer(told)
        assert answer["verdicts"] == {n: verdict(document, told, n) for n in document["verdicts"]}
        mine, theirs = answer["runs"][answer["run"]], shown(document, told, answer["property"])
        names = [answer["steps"][s]["n"] for s, _ in mine["steps"]]
        assert verdict(document, told, answer["property"]) != "VIOLATED" or len(names) >= mine["depth"]
        assert theirs is not None


def test_own_schedule():
    """Steps one by one, each of those that the view offers; on to the loss; a step that is impossible is named."""
    source, path = CaseSource(find("rdma")), []
    policy = source.start()["policy"]
    for _ in range(3):
        answer = source.step(policy, path)
        run = answer["runs"][answer["run"]]
        assert len(run["steps"]) == len(path)
        path.append(answer["steps"][answer["views"][run["states"][-1]]["next"][0][0]]["n"])
    done = source.finish(policy, path, "I2")
    run = done["runs"][done["run"]]
    assert [done["steps"][s]["n"] for s, _ in run["steps"][: len(path)]] == path and any(marks(run, "I2"))
    with pytest.raises(UserError, match="not possible there"):
        source.step(policy, [path[-1]] * 2)
    with pytest.raises(UserError, match="no such steps"):
        source.step(policy, [10**6])


def test_chips_and_lattice():
    """The start first, then the least safe ones; dropping any of their mechanisms breaks something."""
    source = CaseSource(find("mmap+executable"))
    head = source.head
    assert head["chips"][0]["kind"] == "start" and 2 <= len(head["chips"]) <= 5
    for node in head["lattice"]:
        assert source.verdict(node["policy"]) == "HOLDS"
        assert all(m["breaks"] or source.verdict({**node["policy"], m["feature"]: m["to"]}) != "HOLDS"
                   for m in node["mechanisms"])  # fmt: skip
    drops = [d for c in head["chips"] for d in c["drops"] if d["breaks"]]
    assert drops and all(source.verdict(d["policy"], d["breaks"]) == "VIOLATED" for d in drops)


def test_chips_have_the_near_repair_and_never_to_fork():
    """Beside the start: the first named repair that still forks, or one with some of its changes; never to fork."""
    head = CaseSource(find("uprobes+saved")).head
    chips = [chip["id"] for chip in head["chips"]]
    assert chips[:2] == ["tux3", "redirect_all"] and chips[-1] == "stable_pages" and 3 <= len(chips) <= 5
    holds = [n["id"] for n in head["named"] if n["id"] in ("perfect", "redirect_all_recheck", "redirect_all")]
    assert len(holds) == 3  # others hold, too, and change more


def test_a_mechanism_switched_off_is_there():
    """A named policy with a control can be chosen, any other with it is ruled out in words."""
    source = CaseSource(find("crash"))
    document, policy = source.document(), source.diagram.policy(named_policy("no_superblock_order"))
    assert verdict(document, policy, "I6") == "VIOLATED" and shown(document, policy, "I6") is not None
    other = {**policy, "fork": "never"} if policy.get("fork") else {**policy}
    if other != policy:
        assert verdict(document, other) == "" and "switched off" in why_not(document, other)


def test_a_broken_run_ends_where_somebody_reads_the_loss():
    """Where the columns have a reader who can still come, the run goes on to the step that reads the wrong bytes."""
    ends = {}
    for case in map(find, ("truncate+read_fault", "migration", "ordinary+readonly", "crash")):
        source = CaseSource(case)
        for p in case.properties:
            found = source.reference(p.id)
            if found is None or not found[1].reader:
                continue
            shown, layout = found[1], case.system.layout
            mark = broken(case.world, case.system, p.id, shown.run.states[-1])
            read = dict(reads(layout, shown.run.steps[-1], shown.run.states[-2]))
            assert (mark.places[-1].row, mark.places[-1].cell) in read and len(shown.run) > shown.depth
            answer = source.answer(found[0], p.id)
            run = answer["runs"][answer["run"]]
            last = answer["marks"][list(marks(run, p.id))[-1]]["sentence"]
            assert last.endswith(f"; {shown.reader} reads v{read[mark.places[-1].row, mark.places[-1].cell]}")
            ends[case.name, p.id] = shown.reader
    assert ends == {
        ("truncate+read_fault", "I1"): "reader",
        ("migration", "I2"): "app",
        ("ordinary+readonly", "I1"): "reader",
    }


def test_every_value_has_help_and_a_source():
    """A line in plain English and where it is read, for just the values that there are."""
    assert set(HELP) == {f.id for f in FEATURES if not f.control}
    for f in FEATURES:
        assert f.control or set(HELP[f.id]) == set(f.values), f.id
        for value in f.values:
            line, source = ("", "") if f.control else HELP[f.id][value]
            assert f.control or (line.endswith(".") and source and len(line) < 120), (f.id, value)
    assert json.dumps(HELP["fork"]["always"], separators=(",", ":")) in module()
