"""The site checker: the learner types the name of a site, or takes one of the lab's own, and sees what is checked."""

import re
import threading
from collections.abc import Iterator
from pathlib import Path

import traitlets

from helpers.connection import SiteError
from helpers.display.text import as_html
from helpers.live import SiteReport, check_steps
from helpers.protocols import tls
from helpers.protocols.site import Site
from helpers.trust import zoo
from helpers.widgets.acting import ActingWidget, script

# Specimens of the zoo that a real server on this computer shows, with what is to be seen there.
LAB_SITES = ("good", "expired", "wrong host", "untrusted root", "missing intermediate", "common name only")


class SiteChecker(ActingWidget):
    """Checks a site in a thread, so that the notebook stays usable, and says how far it is. The newest request counts.

    `said`: {"step": text} while it works, then {"html": report, "message": sentence}.
    """

    _esm = script("site_checker.js")
    _css = Path(__file__).with_name("site_checker.css")
    lab_sites = traitlets.List().tag(sync=True)

    def __init__(self) -> None:
        actions = {
            "check": lambda content: self._start("", _real_site(content["host"])),
            "visit": lambda content: self._start(f"Lab site “{content['site']}”: ", _lab_site(content["site"])),
        }
        text = "Run this cell to check a site: type a host name, or choose one of the lab's own sites."
        super().__init__(
            actions, lab_sites=list(LAB_SITES), fallback_html=f"<p><em>{as_html(text)}</em></p>", fallback_text=text
        )
        self._newest: threading.Thread | None = None

    def _start(self, what: str, steps: Iterator[str | SiteReport]) -> None:
        self._newest = threading.Thread(target=self._work, args=(what, steps), daemon=True)
        self._newest.start()

    def _work(self, what: str, steps: Iterator[str | SiteReport]) -> None:
        try:
            for step in steps:
                said = {"step": step} if isinstance(step, str) else _report(what, step)
                self._say_if_newest(said)
        except SiteError as error:
            self._say_if_newest({"message": f"{what}{error}", "html": ""})
        except Exception as error:  # in a thread it would be lost
            self._say_if_newest({"message": f"That did not work: {type(error).__name__}: {error}", "html": ""})

    def _say_if_newest(self, said: dict) -> None:
        if threading.current_thread() is self._newest:
            self.say(said)


def _report(what: str, report: SiteReport) -> dict:
    return {"message": f"{what}{report.host}: {report.summary}", "html": report._repr_html_()}


def _real_site(text: str) -> Iterator[str | SiteReport]:
    # People write a port behind the name, and here is no other field for it.
    if match := re.fullmatch(r"([^:/\s]+):(\d{1,5})", text.strip()):
        return check_steps(match[1], int(match[2]))
    return check_steps(text.strip())


def _lab_site(name: str) -> Iterator[str | SiteReport]:
    specimen = zoo.servers()[name]
    yield "starting a server on this computer"
    with Site(tls.Server(specimen.wanted, specimen.credential)) as site:
        yield from check_steps(specimen.wanted, roots=[specimen.root], connect_to=("127.0.0.1", site.port))
