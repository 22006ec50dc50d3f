"""Fixtures: a real Chromium, a JupyterLab to look at, and a page that is watched."""

import pytest
from lab import CHROMIUM_FLAGS, Lab, Watcher, find_chromium
from playwright.sync_api import sync_playwright


@pytest.fixture(scope="session")
def browser():
    executable = find_chromium()
    if not executable:
        pytest.skip("there is no Chromium on this machine (Debian: apt install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def lab(browser, tmp_path_factory):
    """A lab to look at: one for all tests here, since JupyterLab takes seconds to start.

    It ends with them. Its server goes on calling the ports of kernels that have ended, and by then such a port can be
    that of another test's server.
    """
    lab = Lab(tmp_path_factory.mktemp("lab"), "light")
    lab.start()
    yield lab
    lab.stop()


@pytest.fixture(autouse=True)
def as_new(lab):
    """Each test has kernels and progress of its own."""
    yield
    lab.clear()


@pytest.fixture(scope="session")
def context(browser):
    """One for all pages, so that JupyterLab's own files are fetched once."""
    with browser.new_context(viewport={"width": 1100, "height": 1000}) as context:
        yield context


@pytest.fixture
def open_page(context):
    """Open a notebook of a lab. Gives the page and its watcher."""
    pages = []

    def open_it(lab, notebook):
        page = context.new_page()
        pages.append(page)
        watcher = Watcher(page)
        lab.open(page, notebook)
        return page, watcher

    yield open_it
    for page in pages:
        page.close()
