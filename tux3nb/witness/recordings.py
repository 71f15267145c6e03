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

from tux3nb.witness.base import Report, Verdict


def data_dir() -> Path:
    """The data folder: ``data`` beside the package in a checkout, ``tux3nb/_data`` in an installed wheel."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "_data"
    return installed if installed.is_dir() else package.parent / "data"


def kernel_facts() -> dict:
    """Name, release and machine of the running kernel."""
    system = platform.uname()
    return {"system": system.system, "release": system.release, "machine": system.machine}


def load_recordings() -> dict[str, dict]:
    """All recordings by witness name; an empty dict when there are none."""
    return _load(data_dir() / "witness")


def load_traces() -> dict[str, dict]:
    """All page-write traces by name."""
    return _load(data_dir() / "traces")


def _load(folder: Path) -> dict[str, dict]:
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}


def record(report: Report) -> Path | None:
    """Write the report's recording and trace; None, nothing written, if it neither agrees nor differs.

    OSError when the data folder cannot be written.
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
    folder = data_dir() / kind
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(_compact(json.dumps(document, indent=1, ensure_ascii=False)) + "\n", encoding="utf-8")
    return path


def _compact(text: str) -> str:
    """Put lists of numbers, which json would spread over a line each, on one line."""
    return re.sub(r"\[\s*(\d[\d,\s]*?)\s*\]", lambda found: f"[{' '.join(found[1].split())}]", text)


def compare(report: Report, recordings: dict[str, dict]) -> bool | None:
    """Whether the report's observed facts equal its recording's.

    None when there is nothing to compare: no recording, one from another file system, or nothing observed.  A
    fact that is hidden here is left out.
    """
    recording = recordings.get(report.witness.name)
    if recording is None or recording["file_system"] != report.file_system or not report.observed:
        return None
    seen = {key: value for key, value in report.observed.items() if value is not None}
    return all(recording["observed"].get(key) == value for key, value in seen.items())
