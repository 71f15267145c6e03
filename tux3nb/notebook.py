"""What the notebooks use: questions to the model, and answers that Lab, an exported page, a forge and a terminal show.

Every answer is a value with a text equivalent; wherever colour is used there are words too. A wrong name is a UserError
that gives the nearest right ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tux3nb.answers import cost
from tux3nb.answers.follow import Schedules
from tux3nb.answers.judge import Answer, Judged, judge
from tux3nb.answers.matrix import recorded_everywhere
from tux3nb.answers.story import race
from tux3nb.answers.tours import SHOWN_EVENTS, Run
from tux3nb.cases.case import Case, Source, named
from tux3nb.catalogue import catalogue, find, from_file
from tux3nb.engine.family import Listed
from tux3nb.engine.runs import find_path
from tux3nb.errors import UserError, nearest
from tux3nb.model.features import FEATURES, NAMED
from tux3nb.show.cells import Shown, Table
from tux3nb.show.front import bars, chart, weighed
from tux3nb.show.heat import heat
from tux3nb.show.least import (
    answers,
    bounds,
    cost_front,
    cost_units,
    costs,
    drops,
    least,
    least_change,
    needs,
    sensitivity,
    why,
    workloads,
)
from tux3nb.show.line import across as cases_across
from tux3nb.show.line import called, lines
from tux3nb.show.line import guards as guards_of
from tux3nb.show.perfection import (
    builders,
    hypothesis,
    hypothesis_breaks,
    in_the_way,
    in_words,
    left_out,
    possible,
    refused,
    short_answer,
    shrinking,
    shrinking_chart,
    worth,
)
from tux3nb.show.seen import witnesses
from tux3nb.show.story import Tale, broken_story, same_schedule
from tux3nb.show.strip import comic as comic_of
from tux3nb.show.strip import strip as strip_of
from tux3nb.show.tables import (
    cases,
    columns,
    commands,
    exit_codes,
    features,
    holders,
    mappings,
    observed,
    operations,
    outside,
    policies,
    properties,
    recorded,
    rule_source,
    sources,
    spoken_of,
    the_case,
    words,
)
from tux3nb.show.verdicts import verdict_html
from tux3nb.show.views import bytes_of, compared, lanes_of, lattice_of, matrix_of, picture

if TYPE_CHECKING:
    from distributed import Client

    from tux3nb.cluster.connect import Connection

__all__ = [
    "Case", "Source", "UserError", "across", "answers", "bars", "bounds", "builders", "bytes_at", "cases",
    "chart", "check", "columns", "comic", "commands", "compare", "cost_front", "cost_units", "costs", "drops",
    "everywhere", "exit_codes", "explorer", "explorer_of", "family", "features", "from_file", "guards", "heat",
    "holders", "hypothesis", "hypothesis_breaks", "in_the_way", "in_words", "lanes", "lattice", "least",
    "least_change", "left_out", "mappings", "matrix", "named", "needs", "observed", "one_line", "operations",
    "outside", "ownership", "policies", "possible", "properties", "recorded", "refused", "rule_source", "rules",
    "run_columns", "sensitivity", "short_answer", "shrinking", "shrinking_chart", "sources", "state", "steps",
    "story", "strip", "verdicts", "weighed", "why", "witnesses", "words", "workloads", "worth",
]  # fmt: skip

EVERYWHERE = ("HOLDS", "HOLDS, qualified", "VIOLATED", "violated in")
FEW = 12  # cases that a row names
Shows = str | Sequence[str] | Mapping[str, int] | None
Policies = Iterable[str] | Mapping[str, Mapping[str, str]] | None


def _policy(case: Case, policy: str | Mapping[str, str] | None, changes: Mapping[str, str]) -> dict[str, str]:
    """The case's base policy, a named one, or the base with some features changed; `changes` come on top."""
    base = named(policy) if isinstance(policy, str) else {**case.policy, **(policy or {})}
    whole = FEATURES.policy(base, **changes)
    if reason := FEATURES.why_not(whole):
        raise UserError(f"these values contradict each other: {reason}")
    return whole


# ---- asking ---------------------------------------------------------------------------------------------------
@dataclass(repr=False)
class Checked(Answer):
    """An `Answer` that shows itself, and has a run to show even when every property holds."""

    judged: Judged | None = None

    def _tour(self, events: tuple[str, ...]) -> Run:
        return self.judged.tours.show(self.judged.run.number(self.policy), events)

    def run(self, shows: Shows = None) -> Run:
        """A run: the shortest that violates the property `shows`, or one to the end that passes events on its way.

        `shows` is a property's id, an event's name, a sequence of events to pass in this order, or fields with values
        that a state has, by label as in `state`: the shortest run to such a state. None: the run of the first violated
        property, else one to the end of all columns. Raises UserError for a name that is none of these, for a property
        that is not violated, and for an event or a state that no run of this policy reaches.
        """
        if isinstance(shows, Mapping):
            return self._to_state(shows)
        if shows is None:
            found = next((r.run for r in self.rows if r.run), None)
            return found or self._tour(SHOWN_EVENTS)
        if shows in (r.property for r in self.rows):
            row = self.row(shows)
            if row.run is None:
                raise UserError(f"{shows} is {row} in case {self.case.name}: there is no run that breaks it")
            return row.run
        events, reached = (shows,) if isinstance(shows, str) else tuple(shows), self.judged.run.reached
        for event in events:
            if event not in reached:
                known = [*(r.property for r in self.rows), *reached]
                said = f"no property and no event reached {event!r}{nearest(event, known)}"
                raise UserError(f"case {self.case.name}: {said}")
        return self._tour(events)

    def _to_state(self, wanted: Mapping[str, int]) -> Run:
        """The shortest run to a state whose fields have these values."""
        system, run = self.case.system, self.judged.run
        labels = system.layout.labels
        for label in wanted:
            if label not in labels:
                raise UserError(f"case {self.case.name} has no field {label!r}{nearest(label, labels)}")
        places = {labels.index(label): value for label, value in wanted.items()}

        def there(_: int, state: int) -> bool:
            values = system.layout.unpack(state)
            return all(values[k] == value for k, value in places.items())

        path = find_path(run.compiled, run.number(self.policy), system.start, there)
        if path is None:
            raise UserError(f"case {self.case.name}: no run reaches a state with {dict(wanted)}")
        return Run.of(self.case, path)

    def deviations(self) -> dict[str, str]:
        """The features in which the policy differs from the case's base, of those that the case reads."""
        return {f: v for f, v in self.policy.items() if v != self.case.policy[f] and f in self.case.features_read}

    def _lines(self) -> list[tuple[str, str, str, str]]:
        titles = {p.id: p.title for p in self.case.properties}
        told = [f"after {r.depth} steps: {r.reason}" if r.reason else "" for r in self.rows]
        return [(r.property, str(r), titles[r.property], why) for r, why in zip(self.rows, told, strict=True)]

    def _head(self) -> str:
        differs = ", ".join(f"{f}={v}" for f, v in self.deviations().items())
        size = f"{self.states:,} states, {self.edges:,} edges, depth {self.depth}"
        policy = f"{self.case.base} with {differs}" if differs else self.case.base
        return f"{self.case.name} under {policy}: {self.verdict} ({size})"

    def __repr__(self) -> str:
        width = max(len(word) for _, word, _, _ in self._lines())
        rows = [f"  {p:4} {word:{width}}  {title}{'; ' + why if why else ''}" for p, word, title, why in self._lines()]
        never = [f"  never begins: {line}" for line in self.never_begin]
        return "\n".join([self._head(), *never, *rows])

    def _repr_html_(self) -> str:
        rows = [[p, title, verdict_html(word), why] for p, word, title, why in self._lines()]
        heads = ["", "property", "verdict", "the shortest way to break it"]
        return Table.html(heads, rows, caption=self._head(), raw={2})


def check(
    case: Case | str, policy: str | Mapping[str, str] | None = None, client: Client | None = None, **features: str
) -> Checked:
    """Explore every interleaving of `case` under one policy; `client`: on the workers of this dask.distributed.Client.

    `policy` is a name of `policies()`, or feature values on top of the case's base policy (None: just that);
    keyword arguments change single features on top. The answer has `verdict`, `row(property)`, `states`, `edges`,
    `depth` (steps from the start) and `run(property)`. Raises UserError for an unknown case, policy, feature, value.
    """
    case = the_case(case)
    whole = _policy(case, policy, features)
    judged = judge(case, case.one(whole), at=_workers(client))
    return Checked(**vars(judged.answer(whole)), judged=judged)


def _wanted(case: Case, policies: Policies) -> dict[str, dict[str, str]]:
    """Label -> whole policy; with none named, those that the case has an expectation for."""
    if isinstance(policies, Mapping):
        return {label: _policy(case, given, {}) for label, given in policies.items()}
    return {name: named(name) for name in (spoken_of(case) if policies is None else policies)}


def _workers(client: Client | None) -> Connection | None:
    """The workers of a client. UserError where they have other code than this process."""
    if client is None:
        return None
    from tux3nb.cluster.connect import Connection

    return Connection(client)


def _answers(case: Case, wanted: Mapping[str, Mapping[str, str]], client: Client | None = None) -> dict[str, Answer]:
    """One exploration for all the policies."""
    judged = judge(case, Listed(FEATURES, wanted.values()), at=_workers(client))
    return {label: judged.answer(policy) for label, policy in wanted.items()}


def verdicts(case: Case | str, policies: Policies = None, client: Client | None = None) -> Table:
    """A table of verdict words, one row a policy and one column a property; `all` is the policy's worst.

    `policies`: names (None: those that the case has an expectation for), or a mapping from a label to feature values
    on top of the case's base. ``verdicts(...).loc["tux3", "I2"]`` is a word such as "VIOLATED". `client` as in `check`.
    """
    case = the_case(case)
    answers = _answers(case, _wanted(case, policies), client)
    words = {p.id: {k: str(a.row(p.id)) for k, a in answers.items()} for p in case.properties}
    table = Table(words, index=list(answers))
    table.insert(0, "all", {k: a.verdict for k, a in answers.items()})
    depth = {k: {r.property: r.depth for r in a.rows} for k, a in answers.items()}
    titles = {name: NAMED[name][0] for name in answers if name in NAMED and not isinstance(policies, Mapping)}
    heads = {p.id: p.title for p in case.properties}
    return table.rename_axis("policy").shown_with(depth=depth, titles=titles, heads=heads)


def family(name: str, policies: Iterable[str] | None = None, only: Iterable[str] | None = None) -> Table:
    """The cases of a family (or those in `only`) and the named policies: which hold, which are violated, what else.

    Each case judges the policies that it has an expectation for, of those in `policies` (None: any). The columns
    HOLDS, VIOLATED and other are names with spaces between; "?!" behind one says that its case expected something else.
    """
    found = [c for c in catalogue().values() if c.family == name]
    if not found:
        raise UserError(f"no family {name!r}{nearest(name, {c.family for c in catalogue().values()})}")
    chosen = found if only is None else [find(c) for c in only]
    kept = [p for p in policies or NAMED if named(p)]
    rows = {}
    for case in chosen:
        wanted = {p: named(p) for p in kept if p in case.expect}
        told = {"HOLDS": [], "VIOLATED": [], "other": []}
        for p, answer in (_answers(case, wanted) if wanted else {}).items():
            mark = p if answer.meets(case.expect[p]) else f"{p}?!"
            word = answer.verdict
            told[word if word in told else "other"].append(mark if word in told else f"{mark} {word}")
        rows[case.name] = {"what happens": case.title, **{k: " ".join(v) for k, v in told.items()}}
    heads = ["what happens", "HOLDS", "VIOLATED", "other"]
    return Table.from_dict(rows, orient="index", columns=heads).rename_axis("case")


def everywhere(*policies: str) -> Table:
    """Named policies over all cases, as recorded: in how many each HOLDS, or does so only for a reason (a holder was
    refused, or what could break it never happened), and in how many it is VIOLATED; where these are few, in which.
    """
    rows = {}
    for name in policies:
        told = recorded_everywhere(name)
        broken = [case for case, verdict in told.items() if verdict == "VIOLATED"]
        holds = sum(verdict == "HOLDS" for verdict in told.values())
        few = " ".join(broken) if len(broken) <= FEW else ""
        rows[name] = dict(zip(EVERYWHERE, (holds, len(told) - holds - len(broken), len(broken), few), strict=True))
    return Table.from_dict(rows, orient="index").rename_axis("policy")


# ---- showing a run --------------------------------------------------------------------------------------------
def run_columns(answer: Checked, shows: Shows = None, since: int | str = 0) -> Shown:
    """The race as columns, one an actor, with what each step changed.

    `shows`: a property or events, as in `Checked.run`. `since`: leave out what comes before that rule's last step.
    """
    run = answer.run(shows)
    return Shown(race(answer.case, run, _number(run, since) - isinstance(since, str)))


def ownership(answer: Checked, shows: Shows = None, step: int | str | Sequence[int | str] = -1) -> Shown:
    """Who holds which folio after a step of the run that `shows` names (see `Checked.run`).

    `step`: how many steps were taken (0: the start, -1: the end), or a rule's name (after its last step), or a
    sequence of these, one picture each. What the step changed is marked. Raises UserError for a step not in the run.
    """
    run = answer.run(shows)
    return _several([picture(answer.case, run, n, _judged(answer, shows)) for n in _steps(run, step)])


def bytes_at(answer: Checked, step: int | str | Sequence[int | str] = -1, shows: Shows = None) -> Shown:
    """Where the bytes are after a step, and who looks at them: with a mark on what is broken.

    `shows` and `step` as in `ownership`.
    """
    run = answer.run(shows)
    return _several([bytes_of(answer.case, run, n, _judged(answer, shows)) for n in _steps(run, step)])


def lanes(answer: Checked, shows: Shows = None, since: int | str = 0) -> Shown:
    """A run as lanes: one column an actor, what each step does, where bytes come from and who waited for whom.

    `shows` and `since` as in `run_columns`.
    """
    run = answer.run(shows)
    return lanes_of(answer.case, run, _number(run, since) - isinstance(since, str))


def strip(answer: Checked, property: str | None = None) -> Shown:
    """Before, during and after: three small pictures of the run that breaks a property, with captions from the run.

    `property` is a property's id (None: the first that is violated). Raises UserError where it is not violated.
    """
    return strip_of(_tale(answer, _broken(answer, property))[1])


def comic(answer: Checked, property: str | None = None) -> Shown:
    """Four pictures of the run that breaks a property, with what was done between them. `property` as in `strip`."""
    return comic_of(_tale(answer, _broken(answer, property))[1])


def story(
    answer: Checked, property: str | None = None, under: str | Mapping[str, str] | None = None, label: str = ""
) -> Shown:
    """The run that breaks a property in a few sentences, which unfold to its steps, and what somebody reads in the end.

    `property` as in `strip`. `under`: the same schedule under this policy instead (a name, or feature values on top of
    the case's base), from where the two part; `label` is what it is called then. Raises UserError where the property is
    not violated, and for an unknown policy, feature or value.
    """
    case, prop = answer.case, _broken(answer, property)
    schedules, tale = _tale(answer, prop, under)
    policy = answer.policy if under is None else _labelled(case, under)[1]
    head = label or called(case, policy)
    return broken_story(case, head, tale) if under is None else same_schedule(case, schedules, tale, head, policy)


def _broken(answer: Checked, property: str | None) -> str:
    """The property, if it is violated, or the first that is."""
    found = property or next(iter(answer.violated), None)
    if found is None:
        raise UserError(f"case {answer.case.name} under this policy: nothing is violated, so there is no run to tell")
    if found not in (known := [r.property for r in answer.rows]):
        raise UserError(f"case {answer.case.name} judges no property {found!r}{nearest(found, known)}")
    answer.run(found)
    return found


def _tale(answer: Checked, prop: str, under: str | Mapping[str, str] | None = None) -> tuple[Schedules, Tale]:
    """The run that breaks a property, gone on to where the loss is seen; with `under` its rules are known as well."""
    case, judged = answer.case, answer.judged
    if under is not None:
        judged = judge(case, Listed(FEATURES, [answer.policy, _labelled(case, under)[1]]))
    schedules = Schedules(judged)
    shown = schedules.broken(answer.policy, prop)
    return schedules, Tale(case, judged.run.compiled, judged.run.number(answer.policy), shown, prop)


def one_line(
    case: Case | str,
    policies: Policies = None,
    workloads: Iterable[str] = (),
    delta_ms: int = cost.DEFAULT[0],
    device: str = cost.DEFAULT[1],
) -> Table:
    """Policies in a line each: what each is in words, its verdict, what it breaks and, on `workloads`, what it pays.

    `policies` as in `verdicts`, `workloads`, `delta_ms` and `device` as in `costs`. In a page the verdict is a link
    into the explorer of this case, if the page has one.
    ``one_line(...).loc["tux3", "verdict"]`` is a word. Raises UserError for an unknown workload.
    """
    case = the_case(case)
    return lines(case, _answers(case, _wanted(case, policies)), tuple(workloads), delta_ms, device)


def across(cases: Iterable[Case | str], policies: Iterable[str]) -> Table:
    """Cases down, policies by name across: a verdict each, with what breaks and a link into an explorer of the page.

    ``across(...).loc["rdma+long", "tux3"]`` is a word. Raises UserError for an unknown case or policy.
    """
    wanted = {name: named(name) for name in policies}
    found = [the_case(case) for case in cases]
    if not found or not wanted:
        raise UserError("name at least one case and one policy")
    return cases_across({case.name: _answers(case, wanted) for case in found})


def guards(pairs: Mapping[str, tuple[Case | str, str]], policy: str = "tux3") -> Table:
    """What mechanisms guard: each case under a policy, and under another one (by name) that is without a mechanism.

    pairs: what happens, in words -> (case, the other policy). ``guards(...).loc["crash", "then"]`` is a verdict with
    what breaks. Raises UserError for an unknown case or policy.
    """
    told = {}
    for what, (case, other) in pairs.items():
        found = _answers(the_case(case), {name: named(name) for name in (policy, other)})
        told[what] = other, found[policy], found[other]
    return guards_of(told)


def compare(
    case: Case | str, p: str | Mapping[str, str], q: str | Mapping[str, str], property: str | None = None
) -> Shown:
    """Two policies on one schedule: that of the run that breaks a property under one of them, step by step under both.

    `p` and `q` are names or feature values on top of the case's base; `property` (None: the first that is violated) is
    a property's id. Raises UserError for an unknown case, policy, feature, value or property.
    """
    case = the_case(case)
    if property is not None and property not in (known := [x.id for x in case.properties]):
        raise UserError(f"case {case.name} judges no property {property!r}{nearest(property, known)}")
    return compared(case, _labelled(case, p), _labelled(case, q), property)


def _labelled(case: Case, policy: str | Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """A name for a policy, and the whole of it."""
    label = policy if isinstance(policy, str) else ", ".join(f"{f}={v}" for f, v in policy.items())
    return label or case.base, _policy(case, policy, {})


def lattice(case: Case | str) -> Shown:
    """The least safe policies of a case, over all combinations of features, and what each mechanism keeps away."""
    return lattice_of(the_case(case))


def matrix(case: Case | str, policies: Policies = None):
    """Policies by properties as a pandas Styler; `policies` as in `verdicts`."""
    case = the_case(case)
    return matrix_of(case, _wanted(case, policies))


def _judged(answer: Checked, shows: Shows) -> str | None:
    """The property whose loss a picture marks: the one that the run is about, else the first that is broken."""
    return shows if shows in [r.property for r in answer.rows] else None


def _steps(run: Run, step: int | str | Sequence[int | str]) -> list[int]:
    return [_number(run, n) for n in ([step] if isinstance(step, int | str) else step)]


def _several(shown: Sequence[Shown]) -> Shown:
    """One value, or several below each other."""
    if len(shown) == 1:
        return shown[0]
    return Shown("\n\n".join(s.text for s in shown), "".join(s.html for s in shown))


def _number(run: Run, step: int | str) -> int:
    last = len(run)
    if isinstance(step, str):
        at = [n for n, s in enumerate(run.steps, 1) if s.rule.name == step]
        if not at:
            raise UserError(f"no step {step!r} in this run{nearest(step, {s.rule.name for s in run.steps})}")
        return at[-1]
    if not -last - 1 <= step <= last:
        raise UserError(f"step {step}: this run has the steps 0 to {last} (-1 is the last)")
    return step % (last + 1)


def state(answer: Checked, shows: Shows = None, step: int | str = -1) -> dict[str, int]:
    """The fields of one state of a run by label, such as ``"slot[0]"``.

    A folio is a number from 0, or from 1 where 0 means none.
    """
    run = answer.run(shows)
    layout = answer.case.system.layout
    return dict(zip(layout.labels, layout.unpack(run.states[_number(run, step)]), strict=True))


def rules(answer: Checked, shows: Shows = None) -> list[str]:
    """The names of the rules that a run takes, in order."""
    return [step.rule.name for step in answer.run(shows).steps]


def steps(answer: Checked, shows: Shows = None) -> Table:
    """A run as a story: who acts, what the step does in one sentence, and the kernel routine that it stands for."""
    told = [(s.actor, s.rule.name, s.rule.says, s.rule.kernel) for s in answer.run(shows).steps]
    heads = ["actor", "rule", "says", "stands for"]
    return Table(told, columns=heads, index=range(1, len(told) + 1)).rename_axis("step")


def explorer(case: Case | str, policy: str | Mapping[str, str] | None = None, property: str | None = None,
             step: int | None = None):  # fmt: skip
    """The live explorer of a case, starting at `policy`, with the run that breaks `property`, after `step` steps.

    Every feature that the case reads can be changed in it.
    """
    from tux3nb.show.explorer import Explorer
    from tux3nb.show.explorer.answers import source_of

    case = the_case(case)
    start = _policy(case, policy, {})
    if property is not None and property not in (known := [p.id for p in case.properties]):
        raise UserError(f"case {case.name} judges no property {property!r}{nearest(property, known)}")
    return Explorer(source_of(case), policy=start, property=property, step=step)


def explorer_of(*names: str):
    """The live explorer with a choice of cases: all those of some families, or single ones by name.

    Each case starts at the shortest run that breaks one of the policies it speaks of, Tux3 before all others.
    """
    from tux3nb.show.explorer import CaseChoice
    from tux3nb.show.explorer.choice import start_of

    families = {c.family for c in catalogue().values()}
    chosen = [c for name in names for c in catalogue().values() if name == (c.family if name in families else c.name)]
    for name in names:
        if name not in families:
            find(name)
    if not chosen:
        raise UserError("name at least one family or case")
    return CaseChoice("-".join(("cases", *names)), [start_of(case) for case in dict.fromkeys(chosen)])
