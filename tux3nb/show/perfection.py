"""Is perfection possible, for whom, and at what price: the answer in three lines and the tables it is drawn from.

Everything is computed from the record of worlds; a sentence says what the record says, whichever way that is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import islice

from tux3nb.answers.hypothesis import HYPOTHESIS, IDEAS
from tux3nb.answers.least import BUILDERS, LEFT_OUT, Answers, mechanisms, the_policy
from tux3nb.answers.worlds import find_world
from tux3nb.engine.family import PolicySet
from tux3nb.engine.result import REFUSED
from tux3nb.errors import UserError, nearest
from tux3nb.model.features import FEATURES, TUX3, named_policy
from tux3nb.model.properties import PROPERTIES
from tux3nb.show.cells import Shown, Table, as_markdown, several
from tux3nb.show.charts import drawn
from tux3nb.show.least import answers

NEVER = ("fork", "never")
ALONE = "file system only"
FOR_THE_DISK = ("bounce", "pinned", "all")  # the disk gets a copy
IN_WORDS = {  # what others than the file system do; whatever is not here says its feature's title and value
    ("fork", "unless_registered"): "forks ask a registry of all holds, which no kernel has",
    ("longterm", "refused"): "core mm refuses long-term writable pins of file pages",
    ("longterm", "all_refused"): "core mm refuses long-term pins of file pages, reading ones too",
    ("unshare", "yes"): "core mm gives a process its own copy of private memory before that is pinned for long",
    ("lend", "bounce"): "a direct write is sent from a copy where the device checks sums",
}
AGAIN = {"uprobes": " (a breakpoint is set, taken out and set again)"}  # what a second round is


def number(n: int) -> str:
    """A number for a reader: whole up to a million, then rounded, as in ``111 million``."""
    for size, word in ((10**12, "trillion"), (10**9, "billion"), (10**6, "million")):
        if n >= size:
            return f"{n / size:.3g} {word}"
    return f"{n:,}"


# ---- the answer --------------------------------------------------------------------------------------------------
def short_answer(found: Answers | None = None) -> Shown:
    """The answer in three lines: possible, for whom, practical; README and the first notebook say them word by word."""
    found = found or answers()
    lines = [f"**{head}** {' '.join(say(found).split())}" for head, say in ANSWERS.items()]
    return Shown(
        "\n".join(f"- {line}".replace("**", "") for line in lines), markdown="\n".join(f"- {x}" for x in lines)
    )


def _possible(found: Answers) -> str:
    scripted = sum(not w.rounds for w in found.worlds.values())
    where = f"{scripted} cases and {len(found.worlds) - scripted} small worlds without a script"
    if not found.safe:
        return f"No: each of {number(found.family.all.count())} policies breaks a promise somewhere in {where}."
    posted = "Tux3 as posted is not" if found.breaks("tux3") else "Tux3 as posted is"
    safe, every = number(found.safe.count()), number(found.family.all.count())
    pins = today(found)
    more = (
        f" Where every holder pins that pins today, {number(pins.safe.count())} do." if pins.safe != found.safe else ""
    )
    return (
        f"Yes, within bounds: of {every} policies {safe} break nothing in {where}.{more} {posted} among them. "
        f"{_more_rounds(found)}"
    )


def _more_rounds(found: Answers) -> str:
    """What worlds of more rounds say, where they are recorded and leave no policy of `found`."""
    more = answers(rounds=9)
    names = [n for n in more.worlds if n not in found.worlds and not found.safe - more.excluded[n]]
    if not names:
        return ""
    kinds = [n.split("+")[1] for n in names]
    told = [
        f"{_count(more.worlds[n].rounds)} rounds of `{kind}`{AGAIN.get(kind, '')}"
        for n, kind in zip(names, kinds, strict=True)
    ]
    forks = all(more.family.all.having(*NEVER) - more.excluded[n] for n in names)
    said = " and ".join(told)
    return f"{said[0].upper()}{said[1:]} break every policy{'' if forks else ', forking or not'}."


def _count(n: int) -> str:
    return {2: "two", 3: "three", 4: "four"}.get(n, str(n))


def today(found: Answers) -> Answers:
    """The same without the worlds in which a holder has a plain reference, as in 2015, where kernels of today pin.

    Where all are such, nothing is left out.
    """
    pinned = [w for w in found.worlds.values() if not w.unpinned]
    return _of(found, pinned) if pinned else found


def _for_whom(found: Answers) -> str:
    pins = today(found)
    if len(pins.worlds) == len(found.worlds):
        told = _built(found)
        return f"{told[0].upper()}{told[1:]}"
    return (
        f"With the plain references of 2015, which nobody can tell from others: {_built(found)} "
        f"Where every holder pins that pins today: {_built(pins)}"
    )


def _built(found: Answers) -> str:
    """Who has to build it, and what the file system needs of the others."""
    if not found.safe:
        return "for nobody."
    who = next(who for who, allowed in BUILDERS.items() if found.built_by(allowed) & found.safe)
    if who == ALONE:
        n = number((found.built_by(BUILDERS[who]) & found.safe).count())
        return f"a file system can do it alone; {n} of the policies that it can build by itself break nothing."
    needed = [(f, v, set(FEATURES[f].owner_of(v))) for f, v in _needed_of_others(found)]
    most = {owner for _, _, owners in needed for owner in owners} & {"holder"} or {"block layer", "core mm"}
    told = [
        IN_WORDS.get((f, v), f"{FEATURES[f].title}: {FEATURES[f].values[v]}")
        for f, v, owners in needed
        if owners & most
    ]
    help_ = "; holders have to help" if who == list(BUILDERS)[-1] else ""
    first = f"not for a file system alone{help_}." + (
        f" What all that break nothing share: {'; '.join(told)}." if told else ""
    )
    now = _from_mainline(found)
    return f"{first} From mainline Linux it takes {now}." if now else first


def _from_mainline(found: Answers) -> str:
    """Who has to build how much in mainline, where holders need not."""
    change = found.least_change("mainline_6_5", BUILDERS["file system, block layer and core mm"])
    if change.fewest is None:
        return ""
    base, policy = named_policy("mainline_6_5"), change.policies.pick()
    new = Counter(FEATURES[f].owner_of(v) for f, v in policy.items() if v != base[f] and v in FEATURES[f].below)
    told = [f"{n} of the {several(owners, 'with')}" for owners, n in new.most_common()]
    return f"{sum(new.values())} mechanisms: {several(told)}" if told else "no mechanism more"


def _practical(found: Answers) -> str:
    found = today(found)
    if not found.safe:
        return "There is no policy to build."
    copies = not (found.safe - found.safe.having(*FOR_THE_DISK))
    fewest = min(found.minimal.policies(), key=lambda p: len(mechanisms(p)))
    never = fewest[NEVER[0]] == NEVER[1]
    count = found.minimal.having(*NEVER).count()
    said = [
        "Where they pin, all of these policies give the disk a copy of a page that somebody may hold."
        if copies
        else "",
        f"The one with the fewest mechanisms has {len(mechanisms(fewest))} of them and",
        f"{'never forks a page' if never else 'forks'}",
        f"(of {found.minimal.count()} with none to spare {count} do not fork).",
        "Its price: every page is copied on its way to the disk." if fewest["bounce"] == "all" else "",
    ]
    return " ".join(said)


ANSWERS: dict[str, Callable[[Answers], str]] = {
    "Possible?": _possible,
    "For whom?": _for_whom,
    "Practical?": _practical,
}


def _needed_of_others(found: Answers) -> list[tuple[str, str]]:
    """(feature, value) that all safe policies have, and that the file system does not build alone."""
    shared = ((f, v[0]) for f, v in found.shared().items() if len(v) == 1)
    return [(f, v) for f, v in shared if v in FEATURES[f].below and set(FEATURES[f].owner_of(v)) - {"file system"}]


# ---- possible, within which bounds ---------------------------------------------------------------------------------
def possible(found: Answers | None = None) -> Table:
    """How many policies break nothing, by what is asked: all that counts, less some properties, or in some worlds.

    The last columns: how many of these a file system alone can build, and together with the block layer and core mm.
    """
    found = found or answers()
    worlds = found.worlds.values()
    asked = {"all that counts": found, "but not I6d, the order of what holders write": _without(found, "I6d")}
    optional = [p.id for p in PROPERTIES if p.optional and p.id in found.properties]
    asked[f"nor {', '.join(p for p in optional if p != 'I6d')}, which nobody promises either"] = _without(
        found, *optional
    )
    asked["nor I4b, that a delta has what a device wrote before it closed"] = _without(found, *optional, "I4b")
    asked["all that counts, where every holder pins that pins today"] = today(found)
    asked["all that counts, in the cases alone"] = _of(found, [w for w in worlds if not w.rounds])
    asked["all that counts, in the worlds without a script alone"] = _of(found, [w for w in worlds if w.rounds])
    asked["all that counts, and every world of more rounds that is recorded"] = answers(rounds=9)
    return Table.from_dict({k: _counts(a) for k, a in asked.items()}, orient="index").rename_axis("asked for")


def _without(found: Answers, *properties: str) -> Answers:
    return found.narrowed([p for p in found.properties if p not in properties])


def _of(found: Answers, worlds) -> Answers:
    judged = {p for w in worlds for p in w.properties}
    return Answers(worlds, [p for p in found.properties if p in judged], found.family)


def _counts(found: Answers) -> dict[str, str | int]:
    return {
        "worlds": len(found.worlds),
        "possible": "yes" if found.safe else "no",
        "policies that break nothing": f"{found.safe.count():,}",
        "with nothing to spare": found.minimal.count(),
        "of these never fork": found.minimal.having(*NEVER).count(),
        "as good as never forking": number(found.as_good_as_never_forking.count()),
        "by a file system alone": _safe_of(found, "file system only"),
        "with block layer and core mm": _safe_of(found, "file system, block layer and core mm"),
    }


def _safe_of(found: Answers, who: str) -> str:
    return f"{(found.built_by(BUILDERS[who]) & found.safe).count():,}"


def builders(found: Answers | None = None, *bases: str) -> Table:
    """By who builds: how many policies they can build, how many of these break nothing, the fewest changes that do.

    bases: named policies that are changed (none: tux3 and mainline_6_5).
    """
    found, rows = found or answers(), {}
    for who, allowed in BUILDERS.items():
        own = found.built_by(allowed)
        row = {"can build": number(own.count()), "of these break nothing": number((own & found.safe).count())}
        for base in bases or ("tux3", "mainline_6_5"):
            fewest = found.least_change(base, allowed).fewest
            row[f"fewest changes of {base}"] = "none is enough" if fewest is None else str(fewest)
        rows[who] = row
    return Table.from_dict(rows, orient="index").rename_axis("built by")


def those(what: str, found: Answers) -> PolicySet:
    """The policies that some owners can build (a key of `BUILDERS`), or that have FEATURE=VALUE; else UserError."""
    if what in BUILDERS:
        return found.built_by(BUILDERS[what])
    fid, sep, value = what.partition("=")
    if not sep:
        raise UserError(f"{what!r} is neither who builds nor FEATURE=VALUE{nearest(what, [*BUILDERS, *_ids()])}")
    return found.family.all.having(FEATURES[fid].id, FEATURES[fid].need(value))


def _ids() -> list[str]:
    return [f.id for f in FEATURES]


def in_the_way(what: str = "file system only", found: Answers | None = None) -> Table:
    """What the best of some policies still break: the worlds in which they fail, as few as a greedy choice finds.

    what: who builds (``file system only``), or a value that they have (``longterm=allowed``). A row a world, with its
    question and what is violated there; empty where one of these policies breaks nothing.
    """
    found = found or answers()
    left, rows = those(what, found), {}
    failed = []
    for name in sorted(found.worlds, key=lambda n: (found.excluded[n] & left).count()):
        kept = left - found.excluded[name]
        left = kept or left
        failed += [] if kept else [name]
    for name in failed:
        broken = [p for (w, p), policies in found.broken.items() if w == name and policies & left]
        rows[name] = {"asks": find_world(name).asks, "breaks": " ".join(broken)}
    return Table.from_dict(rows, orient="index", columns=["asks", "breaks"]).rename_axis("world")


# ---- the least of them ---------------------------------------------------------------------------------------------
def worth(found: Answers | None = None) -> Table:
    """Every mechanism of a minimal policy: what it is, who builds it, in how many of them, and what breaks without it.

    Those that most have come first.

    Of all that breaks in one of these policies without it the shortest run of a case is told, and in how many worlds.
    """
    found = found or answers()
    rows = {}
    for f in FEATURES:
        for value, lower in f.below.items():
            having = found.minimal.having(f.id, value)
            if f.control or not having:
                continue
            without = having.whatever(f.id) & found.family.all.having(f.id, *lower)
            breaks = found.breaking(without)
            first = breaks[0] if breaks else None
            rows[f"{f.id}={value}"] = {
                "is": f"{f.title}: {f.values[value]}",
                "built by": " and ".join(f.owner_of(value)),
                "in": having.count(),
                "without it breaks": f"{first.property} in {first.world}" if first else "nothing",
                "worlds": len({b.world for b in breaks}),
            }
    by_use = dict(sorted(rows.items(), key=lambda item: -item[1]["in"]))
    return Table.from_dict(by_use, orient="index").rename_axis("mechanism")


def in_words(policy: str | dict[str, str]) -> Table:
    """A policy, mechanism by mechanism: what each is, and who builds it."""
    rows = {}
    for f, value in mechanisms(the_policy(policy)).items():
        owners = " and ".join(FEATURES[f].owner_of(value))
        rows[f"{f}={value}"] = {"is": f"{FEATURES[f].title}: {FEATURES[f].values[value]}", "built by": owners}
    return Table.from_dict(rows, orient="index").rename_axis("mechanism")


def refused(policy: str | dict[str, str], found: Answers | None = None) -> list[str]:
    """The worlds in which a policy keeps a property only because it turns a holder away."""
    return (found or answers()).qualified(the_policy(policy)).get(REFUSED, [])


# ---- the bound -------------------------------------------------------------------------------------------------------
def shrinking(found: Answers | None = None) -> Table:
    """How the safe set shrinks with the bound: the most operations of a world, and what is safe in all up to that.

    Cases and worlds without a script apart, since a world of so many operations has them in any order.
    """
    found = found or answers(rounds=9)
    rows, safe = [], found.family.all
    worlds = sorted(found.worlds.values(), key=lambda w: (w.rounds, w.operations))
    for w in worlds:
        safe -= found.excluded[w.name]
        kind = f"no script, {w.rounds} round{'s' * (w.rounds > 1)}" if w.rounds else "cases"
        if rows and rows[-1][:2] == [kind, w.operations]:
            rows[-1][2:] = [rows[-1][2] + 1, safe.count()]
        else:
            rows.append([kind, w.operations, 1, safe.count()])
    heads = ["kind", "operations", "worlds", "still safe"]
    return Table(rows, columns=heads, index=range(1, len(rows) + 1)).rename_axis("step")


def shrinking_chart(found: Answers | None = None) -> Shown:
    """`shrinking` as a chart: policies that are still safe (logarithmic), the worlds larger from left to right."""
    table = shrinking(found)
    words = [f"{r['kind']}, up to {r['operations']} operations: {number(r['still safe'])} policies are safe"
             for _, r in table.iterrows()]  # fmt: skip

    def draw(figure):
        axes = figure.add_subplot()
        start = 0
        for kind, rows in table.groupby("kind", sort=False):
            places = range(start, start + len(rows))
            left = rows["still safe"].iloc[-1]
            mark = "o-" if left else "X"  # a logarithmic scale has no place for none: a mark of its own, at the foot
            line = axes.plot(places, rows["still safe"].clip(lower=0.5), mark, label=kind, markersize=4 if left else 9)
            start += len(rows)
            look = {"textcoords": "offset points", "ha": "center", "color": line[0].get_color()}
            axes.annotate(number(left) if left else "none", (places[-1], max(0.5, left)), xytext=(0, 7), **look)
        axes.set_xticks(range(len(table)), table["operations"], fontsize=7)
        axes.set(yscale="log", xlabel="operations in a world, at most", ylabel="policies that break nothing so far")
        axes.legend(frameon=False)

    return drawn(draw, words, (7.5, 3.6))


# ---- what was thought at the start --------------------------------------------------------------------------------
def hypothesis(found: Answers | None = None) -> Table:
    """The hypothesis with which this project began, idea by idea: how many minimal policies have it, and what others
    have instead.
    """
    found, rows = found or answers(), {}
    safe, least_ = found.safe, found.minimal
    for f, (value, idea) in IDEAS.items():
        other = [v for v in FEATURES[f].values if v != value and least_.having(f, v)]
        have = least_.having(f, value).count()
        most = "most have it" if 2 * have > least_.count() else "some have it" if have else "none needs it"
        said = "all need it" if safe and not safe - safe.having(f, value) else most
        rows[f"{f}={value}"] = {
            "idea": idea,
            "of the least": f"{have} of {least_.count()}",
            "is it right?": said,
            "others have": ", ".join(FEATURES[f].values[v] for v in other),
        }
    return Table.from_dict(rows, orient="index").rename_axis("part")


def hypothesis_breaks(found: Answers | None = None) -> Table:
    """Where the hypothesis as a whole fails, and the fewest changes that mend it."""
    found = found or answers()
    breaks = found.breaks({**TUX3, **HYPOTHESIS})
    rows: dict[str, list[str]] = {}
    for b in breaks:
        worlds = rows.setdefault(b.property, [])
        if b.world not in worlds:
            worlds.append(b.world)
    titles = {p.id: p.title for p in PROPERTIES}
    told = {p: {"which is": titles[p], "worlds": len(w), "such as": " ".join(islice(w, 3))} for p, w in rows.items()}
    return Table.from_dict(told, orient="index", columns=["which is", "worlds", "such as"]).rename_axis("violates")


def left_out() -> Shown:
    """What is assumed and not modelled, wherever the model is asked."""
    return Shown(
        "\n".join(f"- {line}" for line in LEFT_OUT), markdown="\n".join(f"- {as_markdown(x)}" for x in LEFT_OUT)
    )
