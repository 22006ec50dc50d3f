"""`ask`, `predict` and `dashboard`, as a learner's browser would call them."""

import re

import pytest

from helpers import selfcheck
from helpers.exchange import Exchange, Message
from helpers.protocols import tls
from helpers.selfcheck import bank, words
from helpers.selfcheck.progress import learner
from helpers.trust import pki


def send(widget, **content):
    """What the browser sends when a button is pressed, and the feedback that it shows then."""
    widget._on_message(widget, content, [])
    return widget.said


def mutual():
    root = pki.new_root("Lab Root CA")
    server = tls.Server("bank.example", root.issue_server("bank.example"), trust=root.certificate)
    return tls.handshake(
        tls.Client("alice", root.certificate, root.issue_client("alice@x.example")), server, "bank.example"
    )


def test_wrong_then_a_hint_then_right():
    widget = selfcheck.ask("mutual-tls-factors")
    wrong = send(widget, action="check", answer=["two-sides"])
    assert wrong["state"] == "wrong"
    assert "This counts sides instead of kinds of evidence." in wrong["html"]
    assert "One, something she has" not in wrong["html"]  # a wrong answer does not give the right one away
    hint = send(widget, action="hint")
    assert hint["hint"] == "Hint: Count only what Alice showed."
    assert hint["hints_left"] == 1
    right = send(widget, action="check", answer=["one"])
    assert right["state"] == "right"
    assert "The other answers" in right["html"]
    assert "Source: NIST SP 800-63B-4" in right["html"]
    assert [(e["state"], e["hints"]) for e in learner().entries()] == [("wrong", 0), ("right", 1)]


def test_hints_escalate_and_end():
    widget = selfcheck.ask("three-acts")
    assert [send(widget, action="hint")["hints_left"] for _ in range(2)] == [1, 0]
    assert "hint" not in send(widget, action="hint")


def test_nothing_chosen_is_not_kept():
    assert send(selfcheck.ask("three-acts"), action="check", answer={})["state"] == "not attempted"
    assert learner().entries() == []


def test_the_same_feedback_twice_is_sent_twice():
    widget = selfcheck.ask("mutual-tls-factors")
    first = send(widget, action="check", answer=["none"])
    second = send(widget, action="check", answer=["none"])
    assert first["html"] == second["html"]
    assert first["turn"] < second["turn"]


def test_an_earlier_answer_is_remembered_by_the_next_kernel():
    assert selfcheck.ask("three-acts").question["earlier"] == ""
    learner().add("three-acts", "right", {})
    assert selfcheck.ask("three-acts").question["earlier"] == "✔ You answered this right before."
    learner().add("three-acts", "wrong", {})
    assert "Try it again" in selfcheck.ask("three-acts").question["earlier"]


def test_a_prediction_runs_when_it_is_submitted_and_shows_the_run():
    runs = []

    def actual():
        runs.append(mutual())
        return runs[-1]

    widget = selfcheck.predict("client-certificate-direction", actual=actual)
    stored = len(runs)
    feedback = send(widget, action="check", answer=["one-way"])
    assert len(runs) == stored + 1
    assert feedback["state"] == "wrong"
    assert "That is HTTPS as you know it" in feedback["html"]
    assert "Both sign the same handshake" in feedback["html"]
    assert "CertificateVerify" in feedback["run"]
    assert send(widget, action="check", answer=["mutual"])["state"] == "right"


def test_the_run_decides_and_not_the_file():
    widget = selfcheck.predict("client-certificate-direction", actual="one-way")
    assert send(widget, action="check", answer=["mutual"])["state"] == "wrong"
    assert send(widget, action="check", answer=["one-way"])["state"] == "right"
    pair = selfcheck.predict("client-certificate-direction", actual=lambda: ("none", mutual()))
    assert "CertificateVerify" in send(pair, action="check", answer=["none"])["run"]


def test_an_actual_outside_the_options_is_an_error():
    with pytest.raises(
        ValueError, match="the run gave 'sideways', which is no option of 'client-certificate-direction'"
    ):
        selfcheck.predict("client-certificate-direction", actual="sideways")


def test_asking_and_predicting_are_not_mixed_up():
    with pytest.raises(ValueError, match="is a prediction"):
        selfcheck.ask("client-certificate-direction")
    with pytest.raises(bank.UnknownQuestion, match="three-acts"):
        selfcheck.ask("thre-acts")


@pytest.mark.parametrize("question", [q for f in bank.files().values() for q in f.questions], ids=lambda q: q.id)
def test_what_stands_in_a_stored_notebook(question):
    actual = [o.value for o in question.options] if question.kind == "order" else question.options[0].value
    widget = selfcheck.predict(question.id, actual=actual) if question.run_decides else selfcheck.ask(question.id)
    data, _ = widget._repr_mimebundle_()
    assert set(data) == {"text/plain", "text/html", "application/vnd.jupyter.widget-view+json"}
    assert data["text/plain"] == f"Question {question.id}: run this cell to answer it."
    text = re.sub(r"<[^>]*>", "", data["text/html"])
    assert text.startswith("Run this cell to answer")
    before, answer = data["text/html"].split("<summary>Answer</summary>")
    for option in question.options:
        assert words.inline(option.why) in answer
        assert words.inline(option.why) not in before
    # The widget itself holds no answer either.
    sent = str(widget.get_state(["question", "said"]))
    assert all(option.why not in sent and words.inline(option.why) not in sent for option in question.options)


def test_a_run_that_breaks_or_an_odd_answer_gets_a_sentence():
    runs = iter([mutual()])
    widget = selfcheck.predict("client-certificate-direction", actual=lambda: next(runs))
    feedback = send(widget, action="check", answer=["mutual"])
    assert feedback["state"] == "not attempted"
    assert "That did not work: StopIteration" in feedback["html"]
    for odd in ("one", 5, [["x"]], {"a": 1}, ["<script>"]):
        said = send(selfcheck.ask("mutual-tls-factors"), action="check", answer=odd)["html"]
        assert "That did not work" in said
        assert "<script>" not in said
    assert learner().entries() == []


def test_a_direction_is_taken_as_it_is():
    run = mutual()
    widget = selfcheck.predict(
        "client-certificate-direction", actual=lambda: (run.direction("alice", "bank.example"), run)
    )
    assert send(widget, action="check", answer=["mutual"])["state"] == "right"
    with pytest.raises(ValueError, match="is no prediction"):
        selfcheck.predict("three-acts", actual=run)


def test_text_from_a_run_is_escaped():
    run = Exchange("<script>", ("<b>", "bank"), (Message("<b>", "bank", "<img>", "<i>"),), ())
    widget = selfcheck.predict("client-certificate-direction", actual=lambda: run)
    html = send(widget, action="check", answer=["none"])["run"]
    assert "&lt;script&gt;" in html
    assert "<script>" not in html
    assert "<img>" not in html


def test_the_progress_problem_is_said_once(own_progress):
    own_progress.mkdir()
    widget = selfcheck.ask("mutual-tls-factors")
    assert "Your answers are kept only until this kernel stops" in send(widget, action="check", answer=["one"])["html"]
    assert "kept only until" not in send(widget, action="check", answer=["one"])["html"]


def test_the_dashboard_counts_and_moves():
    widget = selfcheck.dashboard()
    assert "0 of 7" in widget.said["html"]
    send(selfcheck.ask("mutual-tls-factors"), action="check", answer=["one"])
    send(selfcheck.ask("three-acts"), action="check", answer={"types-name": "authorization"} | {
        o.value: "authorization" for o in bank.find("three-acts").options
    })  # fmt: skip
    widget._on_message(widget, {"action": "refresh"}, [])
    row = re.search(r"<tr><th[^>]*><a href=\"01_.*?</tr>", widget.said["html"]).group()
    assert re.findall(r"<td>(?:<meter.*?</meter> )?([^<]*)</td>", row) == ["1 of 7", "1", "5"]


def test_a_download_holds_what_was_answered_since_the_dashboard_was_made(monkeypatch):
    widget = selfcheck.dashboard()
    send(selfcheck.ask("mutual-tls-factors"), action="check", answer=["one"])
    sent = []
    monkeypatch.setattr(widget, "send", sent.append)
    widget._on_message(widget, {"action": "download"}, [])
    (message,) = sent
    assert '"mutual-tls-factors"' in message["file"]
    assert message["file"] == learner().as_text()


def test_the_dashboard_takes_over_a_file():
    widget = selfcheck.dashboard()
    line = '{"question": "three-acts", "state": "right", "answer": {}, "hints": 0, "at": "2026-11-24T08:00:00+00:00"}\n'
    widget._on_message(widget, {"action": "load", "text": line}, [])
    assert widget.said["message"] == "Answers taken over: 1."
    assert "1 of 7" in widget.said["html"]
    widget._on_message(widget, {"action": "load", "text": "nonsense"}, [])
    assert "Nothing new in this file" in widget.said["message"]


def test_the_stored_dashboard_tells_nothing_of_the_learner():
    learner().add("three-acts", "right", {})
    data, _ = selfcheck.dashboard()._repr_mimebundle_()
    assert "Run this cell to see your progress" in data["text/html"]
    assert "0 of 7" in data["text/html"]
