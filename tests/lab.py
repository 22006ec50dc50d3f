"""A real JupyterLab server on copies of the notebooks, a watch on its pages, and what a learner does there by keyboard."""

import itertools
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from playwright.sync_api import expect
from reexecute import NOTEBOOKS

from helpers.selfcheck import progress

# No background requests of the browser's own: the tests watch that nothing leaves the machine.
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-sync",
]


def find_chromium() -> str | None:
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)


THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}


class Lab:
    """A JupyterLab server on copies of the notebooks, with settings and progress of its own."""

    def __init__(self, folder: Path, theme: str) -> None:
        self.notebooks = folder / "notebooks"
        shutil.copytree(NOTEBOOKS, self.notebooks, ignore=shutil.ignore_patterns("progress*", ".ipynb_checkpoints"))
        self.progress = folder / "progress.jsonl"
        settings = folder / "settings" / "@jupyterlab"
        for name, setting in {
            "apputils-extension/themes": {"theme": THEMES[theme]},
            # All cells stay in the page, so that a test can look at all of them.
            "notebook-extension/tracker": {"windowingMode": "none"},
        }.items():
            path = settings / f"{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True)
            path.write_text(json.dumps(setting), encoding="utf-8")
        places = {
            progress.VARIABLE: self.progress,
            "JUPYTERLAB_SETTINGS_DIR": folder / "settings",
            "JUPYTERLAB_WORKSPACES_DIR": folder / "workspaces",
            "JUPYTER_CONFIG_DIR": folder / "config",
            "JUPYTER_DATA_DIR": folder / "data",
            "JUPYTER_RUNTIME_DIR": folder / "runtime",
        }
        self._environment = {**os.environ, **{name: str(path) for name, path in places.items()}}
        self._log = folder / "jupyter.log"
        self._workspaces = itertools.count()

    def start(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        command = [
            sys.executable,
            "-m",
            "jupyterlab",
            "--no-browser",
            "--allow-root",
            "--ip=127.0.0.1",
            f"--port={port}",
        ]
        options = [
            "--ServerApp.port_retries=0",
            "--IdentityProvider.token=",
            "--LabApp.expose_app_in_browser=True",  # for change_theme
            str(self.notebooks / "00_start_here.ipynb"),
        ]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen([*command, *options], env=self._environment, stdout=log, stderr=log)
        for _ in range(150):
            try:
                urllib.request.urlopen(f"{self.url}/api/status").close()
            except OSError:
                time.sleep(0.2)
            else:
                return
        raise RuntimeError(f"JupyterLab did not start:\n{self._log.read_text()}")

    def _sessions(self) -> list[dict]:
        """Which notebook has which kernel."""
        with urllib.request.urlopen(f"{self.url}/api/sessions") as answer:
            return json.load(answer)

    def _wait_for_kernel(self, notebook: str) -> None:
        """Wait until the page is connected to a kernel that is idle. Before that, JupyterLab asks which kernel to use."""
        for _ in range(150):
            kernels = [session["kernel"] for session in self._sessions() if session["path"] == notebook]
            if any(kernel["connections"] and kernel["execution_state"] == "idle" for kernel in kernels):
                return
            time.sleep(0.2)
        raise RuntimeError(f"{notebook} has no kernel:\n{self._log.read_text()}")

    def open(self, page, notebook: str) -> None:
        """Open a notebook, in a workspace of its own, or JupyterLab would open those of the page before as well."""
        page.goto(f"{self.url}/lab/workspaces/{next(self._workspaces)}/tree/{notebook}")
        page.wait_for_selector(".jp-Notebook .jp-Cell")
        self._wait_for_kernel(notebook)

    def clear(self) -> None:
        """End all kernels, and forget what the learner has answered."""
        for session in self._sessions():
            address = f"{self.url}/api/sessions/{session['id']}"
            token = {"Cookie": "_xsrf=0", "X-XSRFToken": "0"}  # the two must agree, and that is all
            urllib.request.urlopen(urllib.request.Request(address, method="DELETE", headers=token)).close()
        self.progress.unlink(missing_ok=True)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(30)


class Watcher:
    """What a page must not do: ask other machines, or report errors."""

    def __init__(self, page) -> None:
        self.outside, self.errors = [], []
        page.on("request", self._see)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)

    def _see(self, request) -> None:
        here = [f"{scheme}://{host}:" for scheme in ("http", "ws") for host in ("127.0.0.1", "localhost")]
        if not request.url.startswith((*here, "data:", "blob:")):
            self.outside.append(request.url)

    def check(self) -> None:
        assert self.outside == []
        assert self.errors == []


# A cell that waits or runs has the prompt [*]. It may be so short that only an observer sees it.
WATCH_PROMPTS = """() => {
    const prompts = () => [...document.querySelectorAll(".jp-CodeCell .jp-InputPrompt")].map((e) => e.textContent);
    window.running = () => prompts().some((text) => text.includes("*"));
    window.hasRun = false;
    new MutationObserver(() => { window.hasRun ||= window.running(); })
        .observe(document.body, { subtree: true, childList: true, characterData: true });
}"""


def run_all(page):
    """Select all cells, and run them. Waits until the last one is done."""
    page.evaluate(WATCH_PROMPTS)
    cells = page.locator(".jp-Notebook .jp-Cell")
    for _ in range(100):  # JupyterLab takes no shortcut before it has laid out its page
        page.locator(".jp-Notebook .jp-Cell.jp-mod-active").focus()
        page.keyboard.press("Control+A")
        if cells.and_(page.locator(".jp-mod-selected")).count() == cells.count():
            page.keyboard.press("Control+Enter")
        page.wait_for_timeout(100)
        if page.evaluate("window.hasRun"):
            break
    page.wait_for_function("window.hasRun && !window.running()")
    expect(page.locator(".jp-OutputArea", has_text="Run this cell to")).to_have_count(0)


def change_theme(page, theme):
    """ "light" or "dark", in the page as it is."""
    page.evaluate(
        "theme => window.jupyterapp.commands.execute('apputils:change-theme', { theme })",
        THEMES[theme],
    )
    expect(page.locator("body")).to_have_attribute("data-jp-theme-name", THEMES[theme])


def go_to(page, text):
    """Move to the first cell that holds `text` with the arrow keys, as command mode does it."""
    cells = page.locator(".jp-Notebook .jp-Cell")
    active = cells.and_(page.locator(".jp-mod-active"))
    active.focus()
    page.keyboard.press("Escape")
    place = active.evaluate("element => [...element.parentElement.children].indexOf(element)")
    holds = [text in cell for cell in cells.all_inner_texts()]
    assert any(holds), f"no cell with {text!r}"
    wanted = holds.index(True)
    for _ in range(abs(wanted - place)):
        page.keyboard.press("ArrowDown" if wanted > place else "ArrowUp")
    expect(active).to_contain_text(text)


def tab_to(page, words):
    """Press Tab until the focused control says `words`."""
    for _ in range(40):
        page.keyboard.press("Tab")
        focused = page.evaluate(
            "() => { const e = document.activeElement; return (e.labels?.[0] ?? e).textContent.trim(); }"
        )
        if words in focused:
            return
    raise AssertionError(f"no control that says {words!r}")
