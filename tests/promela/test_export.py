"""``tux3nb export-promela`` prints a whole model."""

import argparse

import pytest

from tux3nb.commands import export_promela
from tux3nb.errors import UserError


def export(*argv):
    parser = argparse.ArgumentParser()
    export_promela.configure(parser)
    return export_promela.run(parser.parse_args(argv))


def test_prints_one_policy(capsys):
    assert export("ptrace", "--policy", "fork=never") == 0
    out = capsys.readouterr().out
    assert out.count("d_step") > 20 and out.startswith("/* Printed by tux3nb")
    assert "short policy" not in out and "fork=never" in out


def test_writes_a_file(tmp_path, capsys):
    target = tmp_path / "model.pml"
    assert export("ptrace", "-o", str(target)) == 0
    assert "active proctype system" in target.read_text()
    assert capsys.readouterr().out == ""


def test_wrong_words_are_answered():
    with pytest.raises(UserError, match="did you mean"):
        export("ptrcae")
    with pytest.raises(UserError, match="did you mean"):
        export("ptrace", "--policy", "fork=alwys")
