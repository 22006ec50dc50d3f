"""What is saved of a widget."""

from helpers.widgets.saving import WIDGET_VIEW, strip_widget_views


def notebook(*outputs):
    return {"type": "notebook", "content": {"cells": [{"outputs": [{"data": data} for data in outputs]}, {}]}}


def test_a_view_with_a_fallback_is_left_out():
    model = notebook({WIDGET_VIEW: {}, "text/html": "question", "text/plain": "q"}, {"text/plain": "x"})
    strip_widget_views(model, path="x.ipynb")
    assert model == notebook({"text/html": "question", "text/plain": "q"}, {"text/plain": "x"})


def test_a_view_without_a_fallback_stays():
    model = notebook({WIDGET_VIEW: {}, "text/plain": "a widget of somebody else's"})
    strip_widget_views(model)
    assert WIDGET_VIEW in model["content"]["cells"][0]["outputs"][0]["data"]


def test_other_files_are_not_looked_at():
    for model in ({"type": "file", "content": "text"}, {"type": "notebook", "content": None}):
        before = dict(model)
        strip_widget_views(model)
        assert model == before
