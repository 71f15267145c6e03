"""What is safe over many worlds: the sets say what trying every policy says, and what other programs say of one."""

import random

import pytest

from tests.answers import brute
from tests.oracles.reference import Reference
from tests.oracles.spin import missing, spin
from tux3nb.answers.judge import check
from tux3nb.answers.least import BUILDERS, NEVER_FORK, Answers, by_owner, mechanisms, the_policy
from tux3nb.answers.matrix import recorded_verdicts
from tux3nb.answers.worlds import VIOLATED, find_world, recorded_worlds, tell
from tux3nb.catalogue import find
from tux3nb.errors import UserError
from tux3nb.model.features import FEATURES, NAMED, TUX3, named_policy, not_promised

ROUND = {name: w for name, w in recorded_worlds().items() if w.rounds <= 1}


@pytest.fixture(scope="module")
def small():
    """The answers of a few worlds for policies that differ in few features."""
    return Answers((tell(find(name)) for name in brute.WORLDS), family=brute.family())


@pytest.fixture(scope="module")
def all_worlds():
    return Answers(ROUND.values())


def keys(policies):
    return {brute.key(p) for p in policies.policies()}


# ---- by trying ---------------------------------------------------------------------------------------------------
def test_the_safe_policies_are_those_that_break_nothing_when_tried(small):
    assert keys(small.safe) == brute.safe() and brute.safe()
    assert {k: keys(v) for k, v in small.broken.items()} == {k: set(v) for k, v in brute.violated().items()}


def test_the_minimal_policies_are_those_without_a_safe_one_below(small):
    tried = {p for p in brute.safe() if not set(brute.dropped(p)) & brute.safe()}
    assert keys(small.minimal) == tried


def test_the_drops_break_what_they_break_when_tried(small):
    for policy in small.minimal.policies():
        told = {(d.feature, d.lower): {(b.world, b.property): b.depth for b in d.breaks} for d in small.drops(policy)}
        for lower in brute.dropped(brute.key(policy)):
            changed = next(f for f, a, b in zip(brute.VARIED, brute.key(policy), lower, strict=True) if a != b)
            tried = {k: depths[lower] for k, depths in brute.violated().items() if lower in depths}
            assert told.pop((changed, lower[brute.VARIED.index(changed)])) == tried != {}
        assert told == {}


@pytest.mark.parametrize("who", BUILDERS)
@pytest.mark.parametrize("name", ["tux3", "stable_pages", "rik_wait_holder"])
def test_the_least_change_is_the_nearest_safe_policy(small, name, who):
    """Where a policy differs, its new value is one that the owners may build."""
    base = brute.key(named_policy(name))

    def allowed(p):
        changed = (f for f, a, b in zip(brute.VARIED, base, p, strict=True) if a != b)
        return all(set(FEATURES[f].owner_of(p[brute.VARIED.index(f)])) <= set(BUILDERS[who]) for f in changed)

    near = {p: brute.distance(base, p) for p in brute.safe() if allowed(p)}
    fewest = min(near.values(), default=None)
    change = small.least_change(named_policy(name), BUILDERS[who])
    assert change.fewest == fewest
    assert keys(change.policies) == {p for p, n in near.items() if n == fewest}


def test_as_good_as_never_forking_is_what_comparing_one_by_one_says(small):
    def good(p):
        twin = brute.key({**dict(zip(brute.VARIED, p, strict=True)), **NEVER_FORK})
        return all(p not in broken or twin in broken for broken in brute.violated().values())

    tried = {brute.key(p) for p in brute.every_policy() if good(brute.key(p))}
    assert keys(small.as_good_as_never_forking) == tried
    assert brute.safe() < tried < {brute.key(p) for p in brute.every_policy()}


def test_what_is_needed_is_what_trying_says(small):
    for f in brute.VARIED:
        for value in FEATURES[f].values:
            at = brute.VARIED.index(f)
            have = {p for p in brute.safe() if p[at] == value}
            others = {(*p[:at], v, *p[at + 1 :]) for p in have for v in FEATURES[f].values if v != value}
            by_world = {
                name: {p for (w, _), broken in brute.violated().items() if w == name for p in broken} & others
                for name in brute.WORLDS
            }
            need = small.needs(f, value)
            assert (need.safe, need.otherwise_safe) == (len(have), len(others))
            assert need.excluded == {n: len(p) for n, p in by_world.items() if p}
            assert bool(need.together) == bool(others and not others & brute.safe())
            if need.together:
                assert set().union(*(by_world[n] for n in need.together)) == others


# ---- on the record -------------------------------------------------------------------------------------------------
def test_a_world_more_never_makes_more_policies_safe():
    rng, names = random.Random(11), sorted(ROUND)
    for _ in range(5):
        rng.shuffle(names)
        few, more = names[: rng.randrange(1, 40)], names[:60]
        a, b = (Answers(ROUND[n] for n in chosen) for chosen in (few, more))
        assert not b.safe - a.safe
    counts = [n for _, n in b.shrinking()]
    assert counts == sorted(counts, reverse=True) and counts[-1] == b.safe.count()


def test_fewer_properties_never_make_fewer_policies_safe(all_worlds):
    without = all_worlds.narrowed(all_worlds.properties[1:])
    assert not all_worlds.safe - without.safe


def test_the_records_of_sets_and_of_verdicts_agree(all_worlds):
    """Two explorations, one of diagrams and one of bits: every named policy, world, property and depth."""
    for name in NAMED:
        policy = named_policy(name)
        if policy["off"] != TUX3["off"]:
            continue
        told: dict = {}
        for b in all_worlds.breaks(policy, every=True):
            if not ROUND[b.world].rounds and b.property not in not_promised(policy):
                told.setdefault(b.world, {})[b.property] = b.depth
        recorded = {case: verdicts[name][1] for case, verdicts in recorded_verdicts().items() if verdicts[name][1]}
        assert told == recorded, name


def test_every_case_and_free_running_world_is_recorded(all_worlds):
    from tux3nb.catalogue import catalogue
    from tux3nb.catalogue.free import FAMILIES

    assert set(ROUND) == {*catalogue(), *(f"free+{f}+1" for f in FAMILIES)}
    for name in random.Random(3).sample(sorted(ROUND), 12):
        world, case = ROUND[name], find_world(name)
        assert world.properties == tuple(p.id for p in case.properties)
        assert world.features == tuple(f for f in case.features_read if not FEATURES[f].control)


@pytest.mark.parametrize("name", random.Random(8).sample([n for n, w in ROUND.items() if w.states < 4000], 4))
def test_a_sample_of_the_record_comes_out_again(name):
    assert tell(find_world(name)) == ROUND[name]


def judged_by_reference(world, policy):
    """Property -> depth of its first violation, by the plain search of one policy."""
    system = find_world(world).system
    one = Reference(system, policy)
    found = one.search()
    progress = min((found.arrival[s] for s in one.stuck(found)), default=None)
    return {**found.first, **({"I7": progress} if progress is not None else {})}


def drawn(answers, count, states):
    """(policy, world) of minimal policies, and (policy without a mechanism, what breaks), in worlds that are small."""
    rng, found = random.Random(count), []
    small = [n for n, w in ROUND.items() if w.states < states]
    least = list(answers.minimal.policies())
    for _ in range(20 * count):
        policy = rng.choice(least)
        if rng.random() < 0.4:
            found.append((policy, rng.choice(small), None))
        else:
            drop = rng.choice(answers.drops(policy))
            near = [b for b in drop.breaks if ROUND[b.world].states < states]
            found += [({**policy, drop.feature: drop.lower}, b.world, b) for b in rng.sample(near, min(1, len(near)))]
        if len(found) >= count:
            break
    return found


def agree_with_the_reference(answers, count, states):
    """A minimal policy breaks nothing that counts, and one with a mechanism less breaks it after so many steps."""
    for policy, world, broken in drawn(answers, count, states):
        tried = judged_by_reference(world, policy)
        if broken is None:
            assert not set(tried) & set(ROUND[world].properties) & set(answers.properties), (world, policy)
        else:
            assert tried[broken.property] == broken.depth, (broken, policy)


def test_minimal_policies_and_drops_by_the_plain_search_of_one(all_worlds):
    agree_with_the_reference(all_worlds, 6, 2_500)


@pytest.mark.slow
def test_many_minimal_policies_and_drops_by_the_plain_search_of_one(all_worlds):
    agree_with_the_reference(all_worlds, 60, 8_000)


@pytest.mark.slow
@pytest.mark.skipif(missing() is not None, reason=str(missing()))
def test_minimal_policies_and_drops_by_spin(all_worlds):
    for policy, world, broken in drawn(all_worlds, 60, 60_000):
        seen = spin(find_world(world).system, policy).violated
        counted = set(ROUND[world].properties) & set(all_worlds.properties)
        if broken is None:
            assert not seen & counted, (world, policy)
        elif broken.property != "I7":  # SPIN is not asked for progress
            assert broken.property in seen, (broken, policy)


def test_each_minimal_policy_holds_and_each_drop_is_violated_where_it_says(all_worlds):
    """By the rules, for the first minimal policy, in the world that is named."""
    policy = all_worlds.minimal.pick()
    for drop in all_worlds.drops(policy):
        first = drop.breaks[0]
        if ROUND[first.world].states > 60_000:
            continue
        case = find(first.world)
        row = check(case, {**policy, drop.feature: drop.lower}).row(first.property)
        assert (row.verdict, row.depth, len(row.run)) == (VIOLATED, first.depth, first.depth)
        assert check(case, policy).row(first.property).verdict.startswith("HOLDS")


def test_excluded_only_by_is_what_leaving_one_world_out_says(all_worlds):
    alone = all_worlds.excluded_only_by()
    for name in [*alone, next(n for n in ROUND if n not in alone)]:
        rest = Answers(w for n, w in ROUND.items() if n != name)
        assert rest.safe.count() - all_worlds.safe.count() == alone.get(name, 0), name


# ---- words ---------------------------------------------------------------------------------------------------------
def test_a_policy_is_a_name_settings_or_both():
    assert the_policy("tux3") == TUX3
    assert the_policy("stable_pages,bounce=all") == {**TUX3, "fork": "never", "stable_stores": "yes", "bounce": "all"}
    assert the_policy("fork=never, bounce=all") == the_policy({"fork": "never", "bounce": "all"})
    assert mechanisms(TUX3).keys() <= {"refuse"}  # what tux3 has above the bottom
    assert by_owner(the_policy("recheck=yes"))["core mm"] == ["recheck=yes"]


def test_every_mechanism_has_an_owner():
    for f in FEATURES:
        for value in f.values:
            assert f.owner_of(value), (f.id, value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("tux4", "no policy 'tux4'; did you mean tux3"),
        ("fork=nevr", "did you mean never"),
        ("tux3,never", "write FEATURE=VALUE"),
        ("optout_atomic=yes", "contradict each other"),
        ("no_mkclean", "switched off on purpose"),
    ],
)
def test_a_wrong_policy_is_an_error(text, says):
    with pytest.raises(UserError, match=says):
        the_policy(text)


def test_no_worlds_and_no_properties_are_errors():
    with pytest.raises(UserError, match="at least one world"):
        Answers([])
    with pytest.raises(UserError, match="at least one property"):
        Answers(ROUND.values(), [])
    with pytest.raises(UserError, match="no world judges a property 'I9'"):
        Answers(ROUND.values(), ["I9"])


def test_a_world_that_was_cut_short_is_named_and_only_its_violations_count():
    from tux3nb.engine.result import Limits

    cut = tell(find("ptrace+lost"), Limits(states=3000))
    found = Answers([cut, ROUND["ordinary+private"]])
    assert found.unfinished == ("ptrace+lost",)
    assert not found.excluded["ptrace+lost"] - Answers([ROUND["ptrace+lost"]]).excluded["ptrace+lost"]
