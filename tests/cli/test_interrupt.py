"""Ctrl-C: an exploration ends as UNFINISHED with what it has covered, whichever engine runs."""

import dataclasses
import json
import subprocess
import sys

import pytest

from tux3nb import notebook
from tux3nb.answers import judge
from tux3nb.catalogue import find
from tux3nb.commands.limits import size
from tux3nb.engine import explore
from tux3nb.show.explorer.answers import CaseSource
from tux3nb.show.explorer.choice import start_of
from tux3nb.witness.claims import Claim

CHECK = """
import os, signal, sys
from tux3nb.commands import limits
class Interrupted(limits.Progress):
    def __call__(self, layer, *more):
        if layer == 12:
            os.kill(os.getpid(), signal.SIGINT)
limits.Progress = Interrupted
from tux3nb.answers import judge
from tux3nb.engine import explore
explore.GROWN = 20
judge.explore = lambda *a, **k: explore.explore(*a, **k, engine=sys.argv[1])
from tux3nb.cli import main
sys.exit(main(["check", "rdma+wait_for_holder", "--json", "--named", "perfect"]))
"""

MATRIX = """
import os, signal, sys
from tux3nb.commands import matrix
told = matrix.follow
def follow(total):
    def interrupt(name):
        os.kill(os.getpid(), signal.SIGINT)
    return interrupt
matrix.follow = follow
matrix.jobs = lambda cases: int(sys.argv[1])
from tux3nb.cli import main
if __name__ == "__main__":
    sys.exit(main(["matrix", "migration", "crash", "ptrace+peek", "--policy", "tux3", "--json"]))
"""


def run(code: str, *args: str, **more) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", code, *args], capture_output=True, text=True, timeout=120, **more)


@pytest.mark.parametrize("engine", ["python", "auto", "numpy"])
def test_an_interrupted_check_says_unfinished(engine, tmp_path, monkeypatch):
    """A real SIGINT in the middle of a search: nothing HOLDS, what was covered is counted, exit code 130."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    done = run(CHECK, engine)

    rows = json.loads(done.stdout)["results"]
    assert done.returncode == 130, done.stderr
    assert {(r["verdict"], r["reason"]) for r in rows} == {("UNFINISHED", "interrupted")}
    assert rows[0]["states"] > 12


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_an_interrupted_matrix_shows_what_is_done(jobs, tmp_path):
    """Ctrl-C after the first case: its cells are printed, the rest is said to be missing."""
    script = tmp_path / "script.py"
    script.write_text(MATRIX)
    done = subprocess.run([sys.executable, script, jobs], capture_output=True, text=True, timeout=120)

    assert done.returncode == 130, done.stderr
    assert {c["case"] for c in json.loads(done.stdout)["cells"]} == {"migration"}
    assert "interrupted: 1 of 3 cases are done" in done.stderr


ASKED = {
    "check": lambda: notebook.check("migration"),
    "verdicts": lambda: notebook.verdicts("migration"),
    "family": lambda: notebook.family("migration"),
    "explorer": lambda: CaseSource(find("migration")).document(),
    "one policy": lambda: CaseSource(find("migration")).answer(find("migration").policy),
    "a case": lambda: start_of(dataclasses.replace(find("migration"), name="mine")),
    "a claim": lambda: Claim("migration", "perfect", "I1", {}).verdict,
}


@pytest.mark.parametrize("asked", ASKED)
def test_no_answer_comes_from_half_an_exploration(asked, monkeypatch):
    """Ctrl-C ends every function of the notebooks: what was not explored is neither VIOLATED nor as expected."""

    def explored(*args, **more):
        run = explore.explore(*args, **more)
        run.stopped = "interrupted"
        return run

    monkeypatch.setattr(judge, "explore", explored)
    with pytest.raises(KeyboardInterrupt):
        ASKED[asked]()


@pytest.mark.parametrize(("text", "value"), [("2G", 2 << 30), ("500M", 500 << 20), ("1.5k", 1536), ("4096", 4096)])
def test_sizes(text, value):
    assert size(text) == value


@pytest.mark.parametrize("given", [["--max-memory", "lots"], ["--max-states", "1e6"]])
def test_a_wrong_limit_is_named(given):
    """Bad input is one line and exit code 2."""
    done = run("import sys; from tux3nb.cli import main; sys.exit(main(sys.argv[1:]))", "check", "rdma", *given)

    assert done.returncode == 2 and given[1] in done.stderr


@pytest.mark.parametrize("given", ["--max-states=50", "--max-time=1e-9", "--max-memory=1K"])
def test_a_limit_ends_a_check_as_unfinished(given):
    code = "import sys; from tux3nb.cli import main; sys.exit(main(sys.argv[1:]))"
    done = run(code, "check", "rdma+wait_for_holder", "--named", "perfect", "--json", given)

    rows = json.loads(done.stdout)["results"]
    assert done.returncode == 3 and {r["verdict"] for r in rows} == {"UNFINISHED"}
    assert rows[0]["reason"].startswith(given[6:].split("=")[0].replace("time", "seconds"))
