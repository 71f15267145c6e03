"""What the notebooks look up: rules, cases, features, policies, properties, recordings, each as something to show."""

from __future__ import annotations

import os
import platform
import sys
import textwrap
from collections.abc import Iterable

from tux3nb.cases.case import Case
from tux3nb.cases.columns import MAPPING_TRAITS
from tux3nb.catalogue import catalogue, find
from tux3nb.cli import COMMANDS, EXIT_CODES, options
from tux3nb.errors import UserError, nearest
from tux3nb.model.features import FEATURES, NAMED, named_policy
from tux3nb.model.properties import PROPERTIES
from tux3nb.model.rules import all_rules, kinds
from tux3nb.show import glossary
from tux3nb.show.cells import Shown, Table, as_markdown
from tux3nb.show.explorer.document import web_address
from tux3nb.show.holders import sources as all_sources
from tux3nb.show.holders import table as holder_table
from tux3nb.show.outside import TABLES
from tux3nb.witness import Verdict, list_witnesses, load_recording, run_witnesses
from tux3nb.witness.recordings import recorded_names

PLAIN = ("tux3", "stable_pages", "in_place", "rik_wait", "migration_rule", "reverse_fork")  # where a case names none


def the_case(case: Case | str) -> Case:
    """A case as it is, or the one of that name."""
    return case if isinstance(case, Case) else find(case)


def spoken_of(case: Case) -> list[str]:
    """The named policies that a case has an expectation for, in the order of the table."""
    return [name for name in NAMED if name in (case.expect or PLAIN)]


def rule_source(name: str) -> Shown:
    """A rule of the model as it is written, and the kernel routine that it stands for."""
    known = {r.name: r for r in all_rules()}
    if name not in known:
        raise UserError(f"no rule {name!r}{nearest(name, known)}")
    source, cited = known[name].source.rstrip(), f"stands for: {known[name].kernel}"
    return Shown(f"{source}\n# {cited}", markdown=f"```python\n{source}\n```\n*{as_markdown(cited)}*")


def cases() -> Table:
    """The catalogue: every case with its family and its question."""
    rows = {c.name: {"family": c.family, "asks": c.asks} for c in catalogue().values()}
    return Table.from_dict(rows, orient="index", columns=["family", "asks"]).rename_axis("case")


def operations() -> Table:
    """The words that a column may use: what each operation does, and what may follow it."""
    rows = {}
    for k in kinds().values():
        page = "p0:1" if k.one_cell else "p0 or p0:1" if k.reads or k.writes else "p0"
        words = [page if k.page else "", "[MAPPING]" if k.maps else "", "[HOLDER]" if k.of else "",
                 *(f"[{word}]" for word in k.traits)]  # fmt: skip
        rows[k.name] = {"does": k.says, "with": " ".join(filter(None, words))}
    return Table.from_dict(rows, orient="index").rename_axis("operation")


def mappings() -> Table:
    """What a case may say of a mapping: ``mappings=("app", "reader:readonly:absent")``; of two pages, ``app:p1``."""
    rows = {f"app:{trait}": {"says": says} for trait, says in MAPPING_TRAITS.items()}
    rows["app:p1"] = {"says": "it maps page 1, in a world of two pages (`pages=2`); else page 0"}
    return Table.from_dict(rows, orient="index").rename_axis("mapping")


def commands() -> Table:
    """The commands, what each does, and its options."""
    rows = {}
    for name, (_, says) in COMMANDS.items():
        rows[f"tux3nb {name}"] = {"does": says, "options": " ".join(o for o in options(name) if o != "--help")}
    return Table.from_dict(rows, orient="index").rename_axis("command")


def exit_codes() -> Table:
    """How a command may end, and with which code."""
    rows = {code: {"means": says} for code, says in EXIT_CODES.items()}
    return Table.from_dict(rows, orient="index").rename_axis("exit code")


def columns(case: Case | str) -> Shown:
    """A case as it is written: its question, its actors side by side, and what the world has."""
    case = the_case(case)
    script = textwrap.dedent(case.columns.strip("\n")).rstrip()
    world = (
        f"world: {_several(case.pages, 'page')}, {_several(case.folios, 'folio')}, deltas up to d{case.deltas}"
        f"{', a device that asks for stable pages' if case.stable_device else ''}"
        f"{', a disk that may never answer' if case.endless_disk else ''}"
        f"{', memory that may be short' if case.tight_memory else ''}"
    )
    has = [f"mappings: {', '.join(case.mappings) or 'none'}", world]
    bound = textwrap.wrap(f"bound: {case.bounds}", 100) if case.bounds else []
    return Shown("\n".join([*textwrap.wrap(case.asks, 100), "", script, "", *has, *bound]))


def _several(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"


def features(case: Case | str | None = None) -> Table:
    """The features of a policy: what each decides, its values, and who would have to build them.

    With a case: only those that some rule of the case reads; no other can change its answer.
    """
    read = None if case is None else the_case(case).features_read
    rows = {}
    for f in FEATURES:
        if read is None or f.id in read:
            values = "\n".join(f"{v}: {text}" for v, text in f.values.items())
            rows[f.id] = {"decides": f.title, "owner": f.owners, "values": values}
    return Table.from_dict(rows, orient="index", columns=["decides", "owner", "values"]).rename_axis("feature")


def policies(case: Case | str | None = None) -> Table:
    """The named policies and how each differs from Tux3's.

    With a case: those that it has an expectation for, in the features that it reads.
    """
    case = None if case is None else the_case(case)
    read = [f.id for f in FEATURES] if case is None else case.features_read
    tux3, rows = named_policy("tux3"), {}
    for name in NAMED if case is None else spoken_of(case):
        differs = [f"{f}={v}" for f, v in named_policy(name).items() if v != tux3[f] and f in read]
        rows[name] = {"says": NAMED[name][0], "differs from tux3": " ".join(differs)}
    return Table.from_dict(rows, orient="index", columns=["says", "differs from tux3"]).rename_axis("policy")


def properties(case: Case | str | None = None) -> Table:
    """The properties that a case judges (None: all of them): id, title, sentence."""
    judged = PROPERTIES if case is None else the_case(case).properties
    apart = {p.id: " Advisory: it makes no verdict." if p.advisory else "" for p in judged}
    rows = {p.id: {"title": p.title, "says": p.sentence + apart[p.id]} for p in judged}
    return Table.from_dict(rows, orient="index", columns=["title", "says"]).rename_axis("property")


def recorded(*names: str) -> Table:
    """What a real Linux kernel did in small experiments, as recorded in data/ (see `tux3nb witness`).

    Where a reader runs this live, the reader's own kernel stands beside it.
    """
    heads, rows = ["question", "the model says", "the kernel", "on"], {}
    for name in names:
        found = _recording(name)
        kernel = found["kernel"]
        on = f"{kernel['system']} {kernel['release'].split('-')[0]} {found['file_system'] or ''}".strip()
        told = (found["question"], found["model_says"], found["verdict"].lower(), on)
        rows[name] = dict(zip(heads, told, strict=True))
    if live():
        heads.append(f"here, {platform.system()} {platform.release().split('-')[0]}")
        for name, said in here(names).items():
            rows[name][heads[-1]] = said
    return Table.from_dict(rows, orient="index", columns=heads).rename_axis("experiment")


def live() -> bool:
    """Whether a reader runs this in Jupyter, and not a command that makes pages which read the same everywhere."""
    return "ipykernel" in sys.modules and "TUX3NB_EXECUTED" not in os.environ


def here(names: Iterable[str]) -> dict[str, str]:
    """What the running kernel does in these experiments, now; those that take root are left to `tux3nb witness`."""
    needs = {w.name: w.needs for w in list_witnesses()}
    said = {name: "needs root: see `tux3nb witness`" for name in names if "root" in needs[name]}
    for report in run_witnesses([name for name in names if name not in said]) if len(said) < len(names) else ():
        agrees = report.verdict is Verdict.AGREES
        said[report.witness.name] = f"{report.verdict.lower()}{'' if agrees else f': {report.reason}'}"
    return said


def observed(name: str) -> dict[str, object]:
    """The facts that an experiment observed, by their names; UserError for an unknown experiment."""
    return dict(_recording(name)["observed"])


def _recording(name: str) -> dict:
    found = load_recording(name)
    if found is None:
        raise UserError(f"no recording {name!r}{nearest(name, recorded_names())}")
    return found


def sources(case: Case | str | None = None) -> Shown | Table:
    """Where a case's facts come from; of None, a table of all that was read, and of what is said from memory."""
    if case is None:
        rows = {s.key: {"what": s.what, "where": str(s)} for s in all_sources().values()}
        return Table.from_dict(rows, orient="index").rename_axis("source")
    found = the_case(case).sources
    text = "\n".join(f"{s.text}{f': {s.url}' if s.url else ''}" for s in found)
    told = [(as_markdown(s.text), web_address(s.url)) for s in found]
    lines = (f"- [{words}]({address})" if address else f"- {words}" for words, address in told)
    return Shown(text, markdown="\n".join(lines))


def words() -> Table:
    """The words that the notebooks use, with what each says: a page explains them where they first stand."""
    rows = [[", ".join(word.all_forms[1:]), word.says] for word in glossary.words().values()]
    return Table(rows, columns=["also", "says"], index=list(glossary.words())).rename_axis("word")


def holders() -> Table:
    """The catalogue of holders: who refers to a page-cache folio, for how long, and what Tux3's fork does to it."""
    return Table(holder_table())


def outside(name: str) -> Table:
    """What others wrote beside what the model says, asked anew (some seconds): `bugs` or `selftests`."""
    if name not in TABLES:
        raise UserError(f"no table {name!r}{nearest(name, TABLES)}")
    told, (first, *heads) = TABLES[name]
    rows = told()
    names, cells = [row[first] for row in rows], [[row[h] for h in heads] for row in rows]
    return Table(cells, columns=heads, index=names).rename_axis(first)
