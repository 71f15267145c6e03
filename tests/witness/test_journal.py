"""The journal gives back exactly what was noted, also twice and also when it was cut."""

import os
import sys

import pytest

if not sys.platform.startswith("linux"):
    pytest.skip("not Linux", allow_module_level=True)

from tux3nb.errors import ModelError
from tux3nb.witness.journal import Journal, new_folder, process_started, release, release_stale
from tux3nb.witness.low.mounts import is_below


def test_settings_are_restored_in_reverse_order(tmp_path):
    setting = tmp_path / "setting"
    setting.write_text("old\n")
    folder, lock = new_folder(tmp_path)
    journal = Journal(folder)
    journal.change_setting(str(setting), "new")
    journal.change_setting(str(setting), "newer")
    assert setting.read_text() == "newer"
    assert release(folder) == [] and setting.read_text() == "old"
    os.close(lock)
    assert not os.path.exists(folder)


def test_a_cut_last_line_loses_only_itself(tmp_path):
    setting = tmp_path / "setting"
    setting.write_text("old")
    folder, lock = new_folder(tmp_path)
    Journal(folder).change_setting(str(setting), "new")
    with open(os.path.join(folder, "journal"), "a") as journal:
        journal.write('{"kind": "setti')
    assert release(folder) == [] and setting.read_text() == "old"
    os.close(lock)


def test_what_was_noted_but_never_taken_is_no_problem(tmp_path):
    folder, lock = new_folder(tmp_path)
    journal = Journal(folder)
    journal.add("mount", path=os.path.join(folder, "never"))
    journal.add("loop", backing=os.path.join(folder, "never.img"))
    journal.add("cgroup", path=os.path.join(folder, "never"))
    journal.add("setting", path=os.path.join(folder, "never"), value="1")
    assert release(folder) == []
    os.close(lock)


def test_a_process_that_took_over_a_number_is_spared(tmp_path):
    folder, lock = new_folder(tmp_path)
    Journal(folder).add("group", pid=os.getpid(), started="1")
    assert release(folder) == [] and process_started(os.getpid()) not in ("", "1")
    os.close(lock)


def test_an_unknown_resource_is_refused(tmp_path):
    with pytest.raises(ModelError, match="moon"):
        Journal(tmp_path).add("moon")


def test_folders_that_others_could_have_written_are_left_alone(tmp_path):
    folder, lock = new_folder(tmp_path)
    os.close(lock)
    os.chmod(folder, 0o777)
    assert release_stale(tmp_path) == [] and os.path.exists(folder)
    os.chmod(folder, 0o700)
    assert release_stale(tmp_path) == [] and not os.path.exists(folder)


@pytest.mark.parametrize(
    ("path", "folder", "inside"),
    [("/a/b", "/a", True), ("/ab", "/a", False), ("/a", "/a", True), ("/a", "/", True)],
)
def test_is_below(path, folder, inside):
    assert is_below(path, folder) is inside
