"""Take the README's pictures of the course: `.venv/bin/python tests/screenshots.py`. Needs Chromium."""

import tempfile
from pathlib import Path

from lab import CHROMIUM_FLAGS, THEMES, Lab, find_chromium, run_all
from playwright.sync_api import sync_playwright
from reexecute import NOTEBOOKS


def take(browser, theme: str, target: Path) -> None:
    """Notebook 01, with the prediction on mutual TLS answered."""
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(Path(folder), theme)
        lab.start()
        try:
            page = browser.new_page(viewport={"width": 900, "height": 1000}, device_scale_factor=1.5)
            lab.open(page, "01_who_proves_what_to_whom.ipynb")
            run_all(page)
            page.get_by_role("tab", name="File Browser").click()
            cell = page.locator(".jp-CodeCell", has_text="client-certificate-direction")
            cell.get_by_label("Mutual: both prove, and both proofs belong to this one connection.").check()
            cell.get_by_role("button", name="Run and compare").click()
            page.wait_for_selector(".run .ladder")
            cell.evaluate("element => element.scrollIntoView()")
            page.wait_for_timeout(500)
            page.screenshot(path=target)
        finally:
            lab.stop()


if __name__ == "__main__":
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_FLAGS)
        for theme in THEMES:
            take(chromium, theme, NOTEBOOKS / "images" / f"course-{theme}.png")
