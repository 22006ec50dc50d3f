"""The error clinic as a learner sees it: paste an error text, and read what fits. Without a kernel, all entries."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import traitlets

from helpers import clinic
from helpers.clinic import Cause, Entry, Text
from helpers.display.text import as_html, inline
from helpers.widgets.acting import ActingWidget, script

HEADINGS = {
    "client refuses": "The client refuses the server",
    "server refuses": "The server refuses the client",
    "before any certificate": "Before any certificate is checked",
}
ABOUT = (
    "Each text was really written by the program beside it. Mostly the same program was at the other end (with curl,"
    " openssl was). It was another one where that end hangs up, is very old, or speaks no TLS. Wordings after “or” are"
    " those of other versions or systems, or come by chance. For Node, you see its error code and its message. Ports,"
    " line numbers, and what differs from version to version are left out. Node often sends no alert when it refuses a"
    " certificate: the other end reads only that the connection ended. Where an entry speaks of cert.pem, that is the"
    " server's certificate. To get it: openssl s_client -connect HOST:443 </dev/null | openssl x509 > cert.pem"
)
MOST_PASTED = 20_000  # characters, from the end: there a log or a traceback says what went wrong


class Clinic(ActingWidget):
    """Shows all entries, grouped, and finds those that fit a pasted text.

    `html` is the list of all entries. `said`: {"message": sentence, "found": [ids, the likeliest first]}.
    """

    _esm = script("clinic.js")
    _css = Path(__file__).with_name("clinic.css")
    html = traitlets.Unicode().tag(sync=True)

    def __init__(self) -> None:
        entries = clinic.load()
        html, count = _list(entries), len(entries)
        first = "<p><em>Run this cell to search. These are all the entries.</em></p>"
        super().__init__(
            {"find": lambda content: _found(content["text"])},
            html=html,
            fallback_html=f'<div class="course-clinic">{first}{html}</div>',
            fallback_text=f"Run this cell to search the error clinic: {count} entries on real error texts of TLS.",
        )


def _found(text: str) -> dict:
    if not text.strip():
        return {"message": "Paste an error text first. All entries are shown.", "found": []}
    found = [entry.id for entry in clinic.find(text[-MOST_PASTED:])]
    few = {
        0: "Nothing here fits. This clinic knows Python, openssl, curl and Node. All entries are shown.",
        1: "1 entry fits.",
    }
    return {
        "message": few.get(
            len(found), f"{len(found)} entries fit. Which end printed the text? Take the entry for that end."
        ),
        "found": found,
    }


def _list(entries: Sequence[Entry]) -> str:
    groups = []
    for group, heading in HEADINGS.items():
        shown = "\n".join(_entry(entry) for entry in entries if entry.group == group)
        groups.append(f"<section><h3>{as_html(heading)}</h3>\n{shown}</section>")
    return "\n".join((f"<p><small>{as_html(ABOUT)}</small></p>", *groups))


def _entry(entry: Entry) -> str:
    other = next(end for end in clinic.ENDS if end != entry.prints)
    parts = [
        _printed(f"The {entry.prints}", entry.at(entry.prints)),
        _printed(f"The other end, the {other},", entry.at(other)),
        f"<p>{inline(entry.note)}</p>" if entry.note else "",
        f"<p><b>Causes</b></p>{_items(map(_cause, entry.causes))}",
        f"<p><small>Source: {inline(entry.source)}</small></p>",
    ]
    inside = "\n".join(filter(None, parts))
    return f'<details data-entry="{as_html(entry.id)}"><summary>{as_html(entry.title)}</summary>\n{inside}\n</details>'


def _printed(who: str, texts: Sequence[Text]) -> str:
    if not texts:
        return ""
    return f"<p><b>{who} prints{' one of these' * (len(texts) > 1)}:</b></p>{_items(map(_text, texts))}"


def _items(items: Iterable[str]) -> str:
    return "".join(("<ul>", *(f"\n<li>{item}</li>" for item in items), "</ul>"))


def _text(text: Text) -> str:
    wordings = "<br>or: ".join(f"<code>{as_html(words)}</code>" for words in (text.text, *text.others))
    return f"{as_html(text.program)}: {wordings}"


def _cause(cause: Cause) -> str:
    parts = (
        f"<b>{inline(cause.cause)}</b>",
        f"<i>How to tell:</i> {inline(cause.tell)}",
        f"<i>Mend:</i> {inline(cause.mend)}",
    )
    return "<br>".join(parts)
