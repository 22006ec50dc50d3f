"""How far the learner is: a row for each notebook, and the progress file to take along."""

from collections import Counter
from html import escape

from helpers.selfcheck import bank
from helpers.selfcheck.judge import RIGHT, WRONG
from helpers.selfcheck.progress import learner
from helpers.widgets.dashboard import DashboardWidget


def dashboard() -> DashboardWidget:
    """The learner's progress, read from the progress file each time it is refreshed."""
    return DashboardWidget(
        _view,
        lambda: learner().as_text(),
        _import,
        fallback_html=f"<div><p><em>Run this cell to see your progress.</em></p>{_table({})}</div>",
        fallback_text="Progress: run this cell to see it.",
    )


def _view() -> dict:
    return {
        "html": _table(learner().states()),
        "message": learner().problem,
    }


def _import(text: str) -> str:
    new = learner().add_from(text)
    if new:
        return f"Answers taken over: {new}."
    return "Nothing new in this file. A progress file is called progress.jsonl, and each of its lines begins with {."


def _table(states: dict[str, str]) -> str:
    rows = "".join(_row(name, file, states) for name, file in bank.files().items())
    heads = "".join(f'<th scope="col">{head}</th>' for head in ("Notebook", "Right", "Not yet right", "Not tried yet"))
    return (
        "<table><caption>Questions that the notebooks ask</caption>"
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
    )


def _row(name: str, file, states: dict[str, str]) -> str:
    asked = [question.id for question in file.questions if question.asked]
    count = Counter(states.get(question_id) for question_id in asked)
    right, wrong = count[RIGHT], count[WRONG]
    bar = f'<meter min="0" max="{len(asked)}" value="{right}" aria-label="{right} of {len(asked)} right"></meter>'
    title = f'<a href="{escape(name)}.ipynb">{escape(name[:2])} {escape(file.title)}</a>'
    return (
        f'<tr><th scope="row">{title}</th><td>{bar} {right} of {len(asked)}</td><td>{wrong}</td>'
        f"<td>{len(asked) - right - wrong}</td></tr>"
    )
