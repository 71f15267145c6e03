"""One vocabulary: whatever is told of a state is told in the words of its fields."""

import json

import pytest

from tests.model.answers import answer
from tux3nb import cli
from tux3nb.answers.story import changes, in_use, race
from tux3nb.catalogue import catalogue, find
from tux3nb.model.world import PLACES

CASES = catalogue()


@pytest.mark.parametrize("name", CASES)
def test_every_field_has_words_for_every_value(name):
    """No field of the model falls back on its label; what is told of a value has a subject and no blank left."""
    for f in CASES[name].world.fields.values():
        assert f.says is not None, f.name
        for flat in range(f.size):
            for value in {0, 1, f.hi}:
                subject, said = f.told(flat, value)
                assert not said or (subject and "{" not in subject + said), (f.name, value)


def test_folios_are_told_by_letter_and_contents_by_version():
    fields = find("rdma").world.fields
    assert fields["cell"].told(3, 1) == ("cell 1 of B", "is v1")
    assert fields["pte"].told(0, 2) == ("PTE of app", "-> B") and fields["pte_write"].told(0, 1)[1] == "writable"
    assert fields["slot"].told(0, 1) == ("the page", "is folio B")
    assert fields["section"].told(0, 0)[1] == "in no section"
    assert find("ordinary+two_pages").world.fields["slot"].told(1, 1) == ("page 1", "is folio B")


def test_a_reason_says_what_the_run_says():
    """The values in a reason are sentences that the run has said, as far as they have changed."""
    row = answer("rdma", "tux3").row("I2")
    assert "(the page is folio B, cell 1 of B is v0, cell 1 should be v1" in row.reason
    said = race(find("rdma"), row.run)
    assert "the page is folio B" in said and "cell 1 of A is v1" in said
    assert not {"slot[", "cell[", "slot ->"} & set(said.split())


def test_the_json_of_a_run_says_it_too(capsys):
    cli.main(["check", "rdma", "--json"])
    run = next(r["run"] for r in json.loads(capsys.readouterr().out)["results"] if r["property"] == "I2")
    swap = next(step for step in run if step["rule"] == "fork_swaps_slot")
    assert swap["changed"] == {"pc[writer]": swap["changed"]["pc[writer]"], "slot[0]": [0, 1]}
    assert swap["told"] == ["the page is folio B"]


def test_a_freed_folio_is_told_by_that_alone():
    """What is cleared with a folio that is freed is not told; what still leads to it is."""
    case, run = find("reuse"), answer("reuse", "tux3").row("I8").run
    told = [changes(case, before, after) for before, after in zip(run.states, run.states[1:], strict=False)]
    assert told[-1] == ["A freed", "TLB of app leads to a freed folio"]


def test_a_folio_without_a_mapping_is_in_use_while_it_is_held():
    """It has no buffers any more, and is not free before its last holder lets go."""
    case = find("truncate+pinned")
    layout = case.system.layout
    state = layout.pack({"private[0]": 0, "detached[0]": 1})
    assert in_use(case, state) == {0} and in_use(case, case.system.start) == {0}
    assert in_use(case, layout.pack({"private[0]": 0})) == set()


def test_a_world_has_the_places_of_its_operations():
    """The places in the routines of other modules' operations are not there, whatever rule files exist."""
    places = {name: find(name).world.fields["pc"].names for name in ("ordinary", "rdma", "truncate")}
    assert all(set(PLACES) <= set(found) for found in places.values())
    assert set(places["ordinary"]) == set(PLACES)
    assert set(places["rdma"]) - set(PLACES) == {"dma", "reap", "dirty_call", "put"}
    assert "cut_page" in places["truncate"] and "dma" not in places["truncate"]
