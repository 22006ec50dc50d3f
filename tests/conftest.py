"""What all tests share: a lab, what is long and what is quick, the learner's progress kept out, and no skipping in CI."""

import itertools
import os

import pytest
from hypothesis import settings

from helpers.protocols import tls
from helpers.selfcheck import progress
from helpers.trust import pki

# Seeded: the same examples on every run. `pytest --long` tries many more of them.
settings.register_profile("quick", max_examples=100, derandomize=True, deadline=None)
settings.register_profile("long", max_examples=5000, derandomize=True, deadline=None)


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="do the large seeded sweeps and the long tests as well")


def pytest_configure(config):
    config.addinivalue_line("markers", "long: only with --long, which CI runs as well")
    settings.load_profile("long" if config.getoption("--long") else "quick")


def pytest_collection_modifyitems(config, items):
    """Without --long, what is marked `long` is left out. That is no skip: nothing is missing on this machine.

    A test, or rows of its table, bear the mark. A sweep asks for the option itself, and is then a larger one.
    """
    if not config.getoption("--long"):
        left_out = [item for item in items if item.get_closest_marker("long")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture(autouse=True, scope="session")
def progress_folders(tmp_path_factory):
    """Folders for progress files. No test, and no kernel that a test starts, reads or writes the learner's own."""
    folder = tmp_path_factory.mktemp("progress")
    os.environ[progress.VARIABLE] = str(folder / "progress.jsonl")
    return (folder / str(number) for number in itertools.count())


@pytest.fixture(autouse=True)
def own_progress(progress_folders, monkeypatch):
    """A progress file of its own for each test. (To have pytest make a folder takes longer than most tests.)"""
    folder = next(progress_folders)
    folder.mkdir()
    path = folder / "progress.jsonl"
    monkeypatch.setenv(progress.VARIABLE, str(path))
    return path


@pytest.fixture(scope="session")
def root():
    return pki.new_root("Lab Root CA")


@pytest.fixture(scope="session")
def bank(root):
    """A server that asks no client for a certificate."""
    return tls.Server("bank.example", root.issue_server("bank.example"))


@pytest.fixture(scope="session")
def strict_bank(root):
    """A server that refuses a client without a certificate."""
    return tls.Server("bank.example", root.issue_server("bank.example"), trust=root.certificate)


def pytest_sessionfinish(session, exitstatus):
    """In CI all that can be installed is installed, so a skipped test is a test that was lost."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter and reporter.stats.get("skipped") and exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        reporter.write_line("A test was skipped, and in CI nothing may be skipped.", red=True)
