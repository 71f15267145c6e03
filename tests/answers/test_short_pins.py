"""A pin that nobody refuses in the place of each long one: no safe policy may owe its safety to the ban of long pins.

Every case of a device with a registration is told again with a direct read or write, process_vm_writev or a debugger's
poke in the place of each thing that the device does, and nothing waits for the registration any more. What these
exclude, the worlds of the record must have excluded before.
"""

import re

import pytest

from tux3nb.answers.least import Answers
from tux3nb.answers.worlds import recorded_worlds, tell
from tux3nb.cases.case import Case
from tux3nb.catalogue import catalogue
from tux3nb.errors import UserError

REGISTERS = re.compile(r"(?:(\w+): )?(?:mr|buffer)_(register|deregister|unregister)\b")
DEVICE = re.compile(r"(\w+: )?device_(read|write) (p\d(?::\d)?)(?: (?!after)\w+)?(.*)")
SHORT = {  # what stands for the device's write and read, and whether a kernel of today has it
    "direct": ({"write": "dio_read {cells} {via}", "read": "dio_write {cells} {via}"}, True),
    "process_vm": ({"write": "vm_write {via} {cells}", "read": "vm_read {via} {cells}"}, True),
    "poke": ({"write": "poke {via} {cells}"}, True),
    "plain": ({"write": "dio_read_get {cells} {via}", "read": "dio_write_get {cells} {via}"}, False),
}
LONG = [name for name, case in catalogue().items() if DEVICE.search(case.columns)]


def shortened(case: Case, words: dict[str, str]) -> Case | None:
    """The same case with short holders; None where the device does what has no word."""
    rows = [[cell.strip() for cell in line.split("|")] for line in case.columns.strip().splitlines()]
    heads, gone, via = rows[0], set(), ""
    for row in rows[1:]:
        for head, cell in zip(heads, row, strict=False):
            if found := REGISTERS.match(cell):
                gone.add(found[1])
                via = via or head

    def told(cell: str) -> str | None:
        if REGISTERS.match(cell):
            return ""
        if found := DEVICE.match(cell):
            if found[2] not in words:
                return None
            cell = (found[1] or "") + words[found[2]].format(cells=found[3], via=via) + found[4]
        what, _, after = cell.partition(" after ")
        left = [label for label in re.split(r",\s*", after) if label and label not in gone]
        return f"{what} after {', '.join(left)}" if left else what

    columns = [[told(row[n] if n < len(row) else "") for row in rows[1:]] for n in range(len(heads))]
    if any(cell is None for column in columns for cell in column):
        return None
    kept = [[head, *filter(None, column)] for head, column in zip(heads, columns, strict=True) if any(column)]
    text = "\n".join(" | ".join(c[n] if n < len(c) else "" for c in kept) for n in range(max(len(c) for c in kept)))
    flags = (
        "deltas",
        "pages",
        "stable_device",
        "endless_disk",
        "tight_memory",
        "shmem",
        "judges",
        "mappings",
        "sources",
    )
    given = {name: getattr(case, name) for name in flags}
    return Case("short", case.family, case.title, case.asks, text, folios=max(4, case.folios), bounds="x", **given)


@pytest.fixture(scope="module")
def safe():
    """Whether of today -> the policies that are safe in the recorded worlds."""
    worlds = [w for w in recorded_worlds().values() if w.rounds < 2]
    return {True: Answers([w for w in worlds if not w.unpinned]).safe, False: Answers(worlds).safe}


@pytest.mark.slow
@pytest.mark.parametrize("kind", SHORT)
def test_a_short_pin_excludes_no_safe_policy(kind, safe):
    words, today = SHORT[kind]
    judged = 0
    for name in LONG:
        case = shortened(catalogue()[name], words)
        if case is None:
            continue
        try:
            world = tell(case)
        except UserError:  # a property that is about registrations alone, or one holder for two pages
            continue
        assert not safe[today] & Answers([world]).excluded["short"], f"{name}\n{case.columns}"
        judged += 1
    assert judged > len(LONG) / 2
