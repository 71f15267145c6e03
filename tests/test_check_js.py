"""The front end's types: checked, found wrong, and what is said where there is no npm."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools import check_js

FOLDER = Path(sys.prefix) / "js"  # where `make lint` has put TypeScript
NODE = shutil.which("node")


def test_without_npm_one_line_says_so(tmp_path, monkeypatch, capsys):
    """A machine without Node.js can still lint; CI, which must check, fails."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("TUX3NB_REQUIRE_TSC", raising=False)
    assert check_js.main(tmp_path) == 0
    said = "front end: types not checked; there is no node and npm on the PATH (Node.js has both)\n"
    assert capsys.readouterr().err == said
    monkeypatch.setenv("TUX3NB_REQUIRE_TSC", "1")
    assert check_js.main(tmp_path) == 1


@pytest.mark.skipif(os.name == "nt", reason="the npm of this test is a shell script")
def test_npm_that_cannot_fetch(tmp_path, monkeypatch, capsys):
    """npm's own first line is the reason, and the next call tries again."""
    for name, text in (("node", ""), ("npm", "echo npm error code ENOTFOUND >&2; exit 1")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("TUX3NB_REQUIRE_TSC", "1")
    for _ in range(2):
        assert check_js.main(tmp_path / "js") == 1
        said = "front end: types not checked; npm could not fetch TypeScript: npm error code ENOTFOUND\n"
        assert capsys.readouterr().err == said


@pytest.mark.skipif(not (NODE and (FOLDER / "node_modules").exists()), reason="`make lint` has not fetched TypeScript")
def test_a_wrong_type_is_found(tmp_path):
    """A number for a text is an error under the front end's own settings."""
    (tmp_path / "bad.js").write_text("/** @type {string} */ export const name = 1;\n")
    settings = {"extends": str(check_js.HERE / "tsconfig.json"), "include": ["*.js"]}
    (tmp_path / "tsconfig.json").write_text(json.dumps(settings))
    tsc = FOLDER / "node_modules/typescript/bin/tsc"
    done = subprocess.run([NODE, str(tsc), "--project", str(tmp_path)], capture_output=True, text=True)
    assert done.returncode != 0
    assert "bad.js(1,36): error TS2322" in done.stdout


def test_npm_lock_names_no_registry():
    """Each contributor's npm asks the registry that it is set to."""
    text = (check_js.HERE / "package-lock.json").read_text()
    assert "://" not in text
    wanted = json.loads((check_js.HERE / "package.json").read_text())["devDependencies"]["typescript"]
    assert json.loads(text)["packages"]["node_modules/typescript"]["version"] == wanted
