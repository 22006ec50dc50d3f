"""What stands in a stored notebook in place of a widget."""

import anywidget


class FallbackWidget(anywidget.AnyWidget):
    """A widget that also has an HTML form and a text form, which stay readable when no kernel runs.

    Give both to the constructor. Notebooks are stored without the widget itself; these two remain.
    """

    def __init__(self, *, fallback_html: str, fallback_text: str, **traits) -> None:
        super().__init__(**traits)
        self._fallback = {"text/html": fallback_html, "text/plain": fallback_text}

    def _repr_mimebundle_(self, **kwargs) -> tuple[dict, dict]:
        data, metadata = super()._repr_mimebundle_(**kwargs)
        return {**data, **self._fallback}, metadata
