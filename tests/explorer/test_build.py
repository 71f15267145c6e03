"""The document of a real case: its table says what the engine says, for every combination it offers."""

import itertools
import random

import pytest
from tux3nb.show.picture.evaluate import number

from tux3nb.answers.judge import check
from tux3nb.catalogue import find
from tux3nb.model.features import FEATURES
from tux3nb.show.explorer.answers import CaseSource, counts
from tux3nb.show.explorer.document import document_answer, fit


def combinations(source):
    """Every policy that the toggles can make."""
    for values in itertools.product(*(FEATURES[f].values for f in source.vary)):
        yield {**source.case.policy, **dict(zip(source.vary, values, strict=True))}


def told(entry):
    return entry["verdict"], [(r["property"], r["verdict"], r["depth"]) for r in entry["rows"]]


@pytest.fixture(scope="module", params=["ordinary+sibling", "ptrace+locked"])
def source(request):
    return CaseSource(find(request.param))


def test_the_table_equals_a_search_for_each_policy_alone(source):
    """No look-up differs from exploring that one policy (a seeded sample of them)."""
    document = source.document()
    for policy in random.Random(1).sample(list(combinations(source)), 12):
        entry = document_answer(document, policy)["class"]
        answer = check(source.case, policy)
        rows = [(r.property, str(r), r.depth) for r in answer.rows]
        assert told(entry) == (answer.verdict, rows)
        assert (entry["states"], entry["edges"]) == (answer.states, answer.edges)


def test_the_table_has_every_combination(source):
    document = source.document()
    size = 1
    for _, values in document["index"]["features"]:
        size *= len(values)
    assert len(document["index"]["class_of"]) == size
    assert sum(c["policies"] for c in document["classes"]) == size - document["index"]["class_of"].count(-1)


def test_every_shown_run_is_a_real_run(source):
    """The states of a shown run follow from its steps: only fields that the step's rule writes change."""
    document = source.document()
    for run in document["runs"]:
        assert len(run["states"]) == len(run["steps"]) + 1
        assert run["states"][0] == document["runs"][0]["states"][0]


def test_a_combination_that_is_ruled_out_says_why():
    source = CaseSource(find("mmap+race"), vary=("optout", "optout_atomic"))
    document = source.document()
    policy = {**source.case.policy, "optout": "nothing", "optout_atomic": "yes"}
    assert document_answer(document, policy)["class"] is None
    assert any(all(policy[f] == v for f, v in w["when"].items()) and w["says"] for w in document["index"]["why_not"])


def test_counts_in_the_picture_are_those_of_the_rules():
    """At the start folio A is in the slot, has buffers, and both processes map it."""
    source = CaseSource(find("rdma"))
    state = dict(zip(source.labels, source.values(source.case.system.start), strict=True))
    assert number(counts(source.case.world)[0]["refcount"], state) == 4
    assert number(counts(source.case.world)[0]["mapcount"], state) == 2
    assert number(counts(source.case.world)[1]["refcount"], state) == 0


@pytest.mark.slow
def test_rdma_offers_what_the_notebook_promises():
    """From VIOLATED to a plain HOLDS by toggles alone, within the budget; every combination as the engine says."""
    source = CaseSource(find("rdma"))
    document = source.document()
    verdicts = {}
    for policy in combinations(source):
        entry = document_answer(document, policy)["class"]
        assert entry["verdict"] == source.answer(policy)["class"]["verdict"]
        verdicts[tuple(policy.values())] = entry["verdict"]
    assert verdicts[tuple(source.case.policy.values())] == "VIOLATED"
    assert {"VIOLATED", "HOLDS", "HOLDS(refused)"} <= set(verdicts.values())
    assert fit(document)[1] is False
    for policy in random.Random(2).sample(list(combinations(source)), 6):
        assert document_answer(document, policy)["class"]["verdict"] == check(source.case, policy).verdict
