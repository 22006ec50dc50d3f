"""Self-checks: `ask` a question, `predict` what a run will show, and see what has been answered.

    selfcheck.ask("three-acts")
    selfcheck.predict("password-direction", actual=lambda: log_in(...))

Both give a widget, which notes each answer in the progress file.
"""

from enum import Enum

from helpers.exchange import Exchange
from helpers.selfcheck import bank, judge, words
from helpers.selfcheck.dashboard import dashboard
from helpers.selfcheck.progress import learner
from helpers.selfcheck.schema import Question
from helpers.widgets.question import QuestionWidget

__all__ = ["ask", "dashboard", "predict"]


def ask(question_id: str) -> QuestionWidget:
    """The widget of a question. Raises UnknownQuestion, and ValueError for a prediction, which needs a run."""
    question = bank.find(question_id)
    if question.run_decides:
        raise ValueError(f"'{question_id}' is a prediction: predict('{question_id}', actual=...)")
    return _widget(question, run=None)


def predict(question_id: str, actual) -> QuestionWidget:
    """The widget of a prediction: the learner chooses first, and then the run shows what is so.

    `actual` is what the run shows, or a function without arguments that makes the run: each time the learner submits,
    and once before, for the answer that is stored in the notebook. It gives an `Exchange` (its direction is the
    answer), a pair (answer, what to show), or the answer alone. For an "order" the answer is a sequence of the values;
    what else stands in it is left out. Raises UnknownQuestion, and ValueError where the answer does not fit the options
    or the question is no prediction.
    """
    question = bank.find(question_id)
    if not question.run_decides:
        raise ValueError(f"'{question_id}' is no prediction: ask('{question_id}')")
    return _widget(question, run=lambda: _outcome(question, actual() if callable(actual) else actual))


def _outcome(question: Question, shown) -> tuple[judge.Actual, str]:
    """The answer that the run gives, and the HTML of the run."""
    answer, run = shown if isinstance(shown, tuple) else (shown, shown)
    run_html = run._repr_html_() if hasattr(run, "_repr_html_") else ""
    values = {option.value for option in question.options}
    if question.kind == "order":
        order = [value for value in answer if value in values]
        if sorted(order) != sorted(values):
            raise ValueError(f"the run gave {order}, and not each option of '{question.id}' once")
        return order, run_html
    if isinstance(answer, Exchange):
        answer = answer.direction()
    if isinstance(answer, Enum):
        answer = answer.value
    if str(answer) not in values:
        raise ValueError(f"the run gave {str(answer)!r}, which is no option of '{question.id}'")
    return str(answer), run_html


def _widget(question: Question, run) -> QuestionWidget:
    hints = list(question.hints)

    def check(answer) -> dict:
        actual, run_html = run() if run and answer else (None, "")
        judgement = judge.judge(question, answer, actual)
        if judgement.state != judge.NOT_ATTEMPTED:
            learner().add(question.id, judgement.state, answer, hints=len(question.hints) - len(hints))
        html = words.judgement_html(question, judgement, learner().problem_once())
        return {"state": judgement.state, "html": html, "run": run_html}

    def hint() -> dict:
        return {"hint": f"Hint: {words.inline(hints.pop(0))}", "hints_left": len(hints)} if hints else {}

    # The stored notebook shows the answer as well, and that, too, comes from a run.
    actual, run_html = run() if run else (None, "")
    return QuestionWidget(
        words.question_for_widget(question, learner().states().get(question.id)),
        check,
        hint,
        fallback_html=words.fallback_html(question, actual, run_html),
        fallback_text=f"Question {question.id}: run this cell to answer it.",
    )
