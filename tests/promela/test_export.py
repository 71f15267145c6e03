"""``tux3nb export-promela`` prints a whole model."""

import argparse
import re

import pytest

from tux3nb.catalogue import find
from tux3nb.commands import export_promela
from tux3nb.errors import UserError
from tux3nb.model.features import FEATURES


def export(*argv):
    parser = argparse.ArgumentParser()
    export_promela.configure(parser)
    return export_promela.run(parser.parse_args(argv))


def chosen(text):
    """The features that SPIN chooses in a printed model."""
    return re.findall(r"^byte f_(\w+);", text, re.MULTILINE)


def test_prints_one_policy(capsys):
    assert export("ptrace", "--policy", "fork=never") == 0
    out = capsys.readouterr().out
    assert out.count("d_step") > 20 and out.startswith("/* Printed by tux3nb")
    assert not chosen(out) and "fork=never" in out


def test_prints_a_family(capsys):
    """All features that the case reads, but the controls and those that are given a value; or those of --vary."""
    read = [f for f in find("ptrace").features_read if not FEATURES[f].control]
    export("ptrace", "--family")
    assert chosen(capsys.readouterr().out) == read
    export("ptrace", "--family", "--policy", "fork=never")
    assert chosen(capsys.readouterr().out) == [f for f in read if f != "fork"]
    export("ptrace", "--vary", "fork", "--vary", "bounce", "--vary", "fork")
    assert chosen(capsys.readouterr().out) == ["fork", "bounce"]


def test_writes_a_file(tmp_path, capsys):
    target = tmp_path / "model.pml"
    assert export("ptrace", "-o", str(target)) == 0
    assert "active proctype system" in target.read_text()
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["ptrcae"], "did you mean"),
        (["ptrace", "--policy", "fork=alwys"], "did you mean always"),
        (["ptrace", "--vary", "frok"], "no feature 'frok'; did you mean fork"),
        (["ptrace", "--vary", "longterm"], "never reads the feature longterm"),
        (["ptrace", "--vary", "fork", "--policy", "fork=never"], "--policy gives it a value"),
    ],
)
def test_wrong_words_are_answered(argv, said):
    with pytest.raises(UserError, match=said):
        export(*argv)
