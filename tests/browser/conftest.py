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


@pytest.fixture(scope="module")
def make_lab(browser, tmp_path_factory):
    """Start a lab, or give the one that runs with this theme. Each module has labs, and progress, of its own."""
    labs = {}

    def make(theme="light"):
        if theme not in labs:
            labs[theme] = Lab(tmp_path_factory.mktemp(theme), theme)
            labs[theme].start()
        return labs[theme]

    yield make
    for lab in labs.values():
        lab.stop()


@pytest.fixture
def open_page(browser):
    """Open a notebook of a lab. Gives the page and its watcher."""
    pages = []

    def open_it(lab, notebook):
        page = browser.new_page(viewport={"width": 1100, "height": 1000})
        pages.append(page)
        watcher = Watcher(page)
        lab.open(page, notebook)
        return page, watcher

    yield open_it
    for page in pages:
        page.close()
