"""The HTML of a question, of a judgement, and of what stands in a stored notebook in place of the widget."""

from html import escape

from helpers.display.text import inline
from helpers.selfcheck.judge import NOT_ATTEMPTED, RIGHT, WRONG, Actual, Judgement, right_answer
from helpers.selfcheck.schema import Option, Question

SIGNS = {RIGHT: "✔", WRONG: "✘", NOT_ATTEMPTED: "…"}


def question_for_widget(question: Question, earlier: str | None) -> dict:
    """What `widgets.question.QuestionWidget` shows. It does not hold the right answer."""
    before = {RIGHT: "✔ You answered this right before.", WRONG: "You have tried this one before. Try it again."}
    return {
        "prompt": inline(question.prompt) + {"choose all": " <em>(Choose all that fit.)</em>"}.get(question.kind, ""),
        "kind": question.kind,
        "options": [{"value": option.value, "label": inline(option.text)} for option in question.options],
        "categories": list(question.categories),
        "runs": question.run_decides,
        "hints": len(question.hints),
        "earlier": before.get(earlier, ""),
    }


def judgement_html(question: Question, judgement: Judgement, problem: str) -> str:
    """The sentence, an explanation for each option that the answer touched, and the rest on demand."""
    parts = [f"<p><strong>{SIGNS[judgement.state]} {inline(judgement.message)}</strong></p>"]
    touched = {remark.option.value for remark in judgement.remarks}
    parts.append(_list(f"{SIGNS[RIGHT if r.fits else WRONG]} {_told(r.option)}" for r in judgement.remarks))
    others = [option for option in question.options if option.value not in touched]
    if judgement.state == RIGHT and others:
        parts.append(f"<details><summary>The other answers</summary>{_list(map(_told, others))}</details>")
    if judgement.state == RIGHT:
        parts.append(f"<p>Source: {inline(question.source)}</p>")
    if problem:
        parts.append(f"<p>{escape(problem)}</p>")
    return "".join(parts)


def fallback_html(question: Question, actual: Actual, run_html: str) -> str:
    """The whole question with its answer, for a notebook that nobody runs."""
    right = right_answer(question, actual)
    if question.kind == "order":
        answer = "<ol>" + "".join(f"<li>{_told(question.option(value))}</li>" for value in right) + "</ol>"
    elif question.kind == "classify":
        answer = _list(f"<em>{inline(right[option.value])}</em>: {_told(option)}" for option in question.options)
    else:
        answer = _list(
            f"{SIGNS[RIGHT if option.value in right else WRONG]} {_told(option)}" for option in question.options
        )
    categories = f"<p>Categories: {inline(', '.join(question.categories))}</p>" if question.categories else ""
    hints = _list(map(inline, question.hints))
    return (
        '<div class="course-question-stored"><p><em>Run this cell to answer.</em></p>'
        f"<p><strong>{inline(question.prompt)}</strong></p>"
        f"{_list(inline(option.text) for option in question.options)}{categories}"
        f"<details><summary>Hints</summary>{hints}</details>"
        f"<details><summary>Answer</summary>{answer}{run_html}<p>Source: {inline(question.source)}</p></details></div>"
    )


def _told(option: Option) -> str:
    return f"<strong>{inline(option.text)}</strong><br>{inline(option.why)}"


def _list(items) -> str:
    rows = "".join(f"<li>{item}</li>" for item in items)
    return f"<ul>{rows}</ul>" if rows else ""
