"""The locks: in step with pyproject.toml and with each other."""

import re
from urllib.parse import unquote, urlsplit

import lock
import pytest
from packaging.requirements import Requirement

LOCKS = {"learners": lock.ROOT / "requirements.txt", "tests": lock.ROOT / "tests" / "requirements.txt"}


def pins(name):
    """The pinned version of each package, with its marker where it has one."""
    lines = LOCKS[name].read_text(encoding="utf-8").splitlines()
    return {m[1].lower(): m[2] for line in lines if (m := re.match(r"([A-Za-z0-9._-]+)==(\S+)", line))}


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_was_compiled_from_these_dependencies(name):
    assert LOCKS[name].read_text(encoding="utf-8").startswith(lock.head()), "run: .venv/bin/python tests/lock.py"


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_ends_with_the_course_itself_and_pins_all_the_rest(name):
    *lines, last = LOCKS[name].read_text(encoding="utf-8").removeprefix(lock.head()).splitlines()
    assert last == "-e ."
    for line in lines:
        assert re.match(r"[A-Za-z0-9._-]+==\S+( ; .+)?$|\s*#", line), line


@pytest.mark.parametrize("name", LOCKS)
def test_each_direct_dependency_is_pinned_to_a_version_that_it_allows(name):
    project = lock.project()
    wanted = project["dependencies"] + (project["optional-dependencies"]["test"] if name == "tests" else [])
    for requirement in map(Requirement, wanted):
        assert requirement.specifier.contains(pins(name)[requirement.name.lower()]), requirement


def test_pip_itself_turns_an_old_python_away():
    requirement = Requirement(lock.OLD_PYTHON.strip())
    assert requirement.marker.evaluate({"python_version": "3.10"})
    assert not requirement.marker.evaluate({"python_version": "3.11"})
    assert lock.project()["requires-python"] == ">=3.11"
    assert unquote(urlsplit(requirement.url).path) == "/This course needs Python 3.11 or newer"


def test_both_locks_pin_the_same_versions():
    learners, tests = pins("learners"), pins("tests")
    assert learners.items() <= tests.items()


def test_the_digest_notices_a_change(monkeypatch):
    before = lock.digest()
    changed = lock.project()
    changed["dependencies"] = [*changed["dependencies"], "requests"]
    monkeypatch.setattr(lock, "project", lambda: changed)
    assert lock.digest() != before
