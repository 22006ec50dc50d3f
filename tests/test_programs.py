"""Programs are found where they are, and each missing one comes with how to get it."""

import os
import stat
from pathlib import Path

import pytest

from helpers import programs
from helpers.display.error import CourseError
from helpers.widgets.programs_table import ProgramsTable


@pytest.fixture
def only(tmp_path, monkeypatch):
    """A machine that has just the programs named."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(programs, "_MORE_PLACES", (str(tmp_path / "sbin"),))
    monkeypatch.setattr(programs, "_SSHD_FOLDER", tmp_path / "sbin")
    (tmp_path / "sbin").mkdir()

    def install(name):
        path = tmp_path / (f"{name}.exe" if os.name == "nt" else name)
        path.write_text("")
        path.chmod(stat.S_IRWXU)
        return path

    return install


def test_a_program_is_found_on_the_path_and_where_debian_keeps_servers(only):
    assert programs.find("openssl") is None
    client = only("openssl")
    assert programs.find("openssl") == client
    server = only("sbin/sshd")
    assert programs.find("sshd") == server


@pytest.mark.skipif(not Path("/etc/debian_version").exists(), reason="elsewhere sshd brings its folder with it")
def test_root_has_no_sshd_where_debian_lacks_its_folder(only, monkeypatch):
    sshd, folder = only("sshd"), Path("/run/no-such-folder")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert programs.find("sshd") == sshd
    monkeypatch.setattr(programs, "_SSHD_FOLDER", folder)
    assert programs.find("sshd") is None
    assert programs.find("ssh") is None
    sentence = "This needs sshd. Here it runs for root only where there is a folder /run/no-such-folder: mkdir /run/no-such-folder"
    with pytest.raises(CourseError) as caught, programs.run("sshd", ready="listening"):
        pass
    assert str(caught.value) == sentence
    # An ordinary user's sshd does not look for it.
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert programs.find("sshd") == sshd
    # Where there is none, there is no other way than to install it.
    sshd.unlink()
    assert programs.missing("sshd").startswith("This needs sshd, which is not on this machine. On ")


def test_each_program_says_what_it_adds_and_how_to_get_it():
    for program in programs.PROGRAMS:
        assert program.adds.endswith(".")
        assert all((program.debian, program.macos, program.windows))
    names = {program.name for program in programs.PROGRAMS}
    ours = {"openssl", "curl", "ssh", "ssh-keyscan", "ssh-keygen", "sshd", "node", "oathtool", "hostapd", "eapol_test"}
    assert names == ours


def test_the_table_shows_what_is_here(only):
    only("curl")
    widget = ProgramsTable()
    rows = dict(zip(("openssl", "curl"), widget.html.split("<tr>")[2:4], strict=True))
    assert "✘ no" in rows["openssl"]
    assert "✔ yes" in rows["curl"]
    assert "sudo apt install openssl" in rows["openssl"]


def test_the_stored_table_tells_nothing_of_this_machine(only):
    before = ProgramsTable()._repr_mimebundle_()[0]
    only("curl")
    after = ProgramsTable()._repr_mimebundle_()[0]
    for kind in ("text/html", "text/plain"):
        assert before[kind] == after[kind]
        assert "✔" not in after[kind]
        assert "Run this cell to see which of these you have" in after[kind]
