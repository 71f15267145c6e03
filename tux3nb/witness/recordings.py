"""Recordings of witnesses (data/witness) and page-write traces of real programs (data/traces).

Both are JSON written only by ``tux3nb witness ... --record``: no dates, paths, timings or frame numbers.

A trace file has these keys:

- ``program``, ``method``, ``command``, ``kernel``, ``file_system``: what was run, how it was watched and
  where;
- ``page_bytes``: bytes in a page; ``file_pages``: pages in the watched file;
- ``runs``: one entry for each delta length and device:
  - ``delta_ms``: milliseconds from one flush (the stand-in for a delta's end) to the next;
  - ``write_bytes_per_second``: what the device was slowed down to, null for full speed;
  - ``seconds``: how long the run took; a slow device makes deltas longer than ``delta_ms``;
  - ``stable_writes``: whether the device asks for stable pages (null where nothing was written back);
  - ``pages``: pages first written in each delta, a list with one number per delta;
  - ``again_next``: how many of these pages were written again in the next delta;
  - ``under_writeback``: how many of the delta's first writes hit a page that was under writeback, each of
    which would be one page fork (with stable pages the program waited instead); null where that could not be
    seen;
  - ``waits``: how often the program waited for a page's writeback, in all; null where that could not be seen;
  - ``pages_held_by_others``: pages that somebody else held while they were written; null where it could not
    be seen.
"""

import json
import platform
import re
from pathlib import Path

from tux3nb.errors import UserError
from tux3nb.paths import data_dir, read_record, writable_folder, write_whole
from tux3nb.witness.base import Report, Verdict

_KEYS = {"question": str, "model_says": str, "verdict": str, "observed": dict, "file_system": str | None}


def kernel_facts() -> dict:
    """Name, release and machine of the running kernel."""
    system = platform.uname()
    return {"system": system.system, "release": system.release, "machine": system.machine}


def recorded_names() -> list[str]:
    """The witnesses that have a recording."""
    return sorted(path.stem for path in (data_dir() / "witness").glob("*.json"))


def load_recording(name: str) -> dict | None:
    """The recording of a witness; None where there is none. UserError, which names the file, for a damaged one."""
    path = data_dir() / "witness" / f"{name}.json"
    if not path.exists():
        return None
    remedy = f"`tux3nb witness {name} --record` writes it anew"
    try:
        found = json.loads(read_record(path, remedy))
    except ValueError as error:
        raise UserError(f"{path} is damaged ({error}): {remedy}") from None
    if not isinstance(found, dict) or not isinstance(found.get("kernel"), dict):
        raise UserError(f"{path} is damaged (no recording): {remedy}")
    for key, kind in _KEYS.items():
        if not isinstance(found.get(key), kind):
            raise UserError(f"{path} is damaged (nothing of use under {key!r}): {remedy}")
    return found


def record(report: Report) -> Path | None:
    """Write the report's recording and trace; None, nothing written, if it neither agrees nor differs.

    UserError when the data folder cannot be written.
    """
    if report.verdict not in (Verdict.AGREES, Verdict.DIFFERS):
        return None
    witness = report.witness
    invasive = " --invasive" if "invasive" in witness.needs else ""
    common = {
        "command": f"tux3nb witness {witness.name} --record{invasive}",
        "kernel": kernel_facts(),
        "file_system": report.file_system,
    }
    document = {
        "format": 1,
        "name": witness.name,
        "case": witness.case,
        "question": witness.question,
        "model_says": witness.model_says,
        "predicts": witness.predictions(report.file_system),
        "observed": report.observed,
        "verdict": str(report.verdict),
        **common,
    }
    if witness.claims:
        document["model"] = [claim.to_json() for claim in witness.claims]
    if report.trace:
        _write("traces", witness.name, {"format": 1, **report.trace, **common})
    return _write("witness", witness.name, document)


def _write(kind: str, name: str, document: dict) -> Path:
    path = writable_folder(data_dir() / kind) / f"{name}.json"
    write_whole(path, _compact(json.dumps(document, indent=1, ensure_ascii=False)) + "\n")
    return path


def _compact(text: str) -> str:
    """Put lists of numbers, which json would spread over a line each, on one line."""
    return re.sub(r"\[\s*(\d[\d,\s]*?)\s*\]", lambda found: f"[{' '.join(found[1].split())}]", text)


def compare(report: Report, recording: dict | None) -> bool | None:
    """Whether the report's observed facts equal its recording's.

    None when there is nothing to compare: no recording, one from another file system, or nothing observed.  A
    fact that is hidden here is left out.
    """
    if recording is None or recording["file_system"] != report.file_system or not report.observed:
        return None
    seen = {key: value for key, value in report.observed.items() if value is not None}
    return all(recording["observed"].get(key) == value for key, value in seen.items())
