"""What is saved of a widget: an extension of the Jupyter server, switched on in helpers/jupyter/."""

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


def strip_widget_views(model: dict, **_: object) -> None:
    """A pre-save hook of the server: take a widget's view out of a notebook wherever a fallback stands beside it.

    The view needs the kernel that made it. Without this, whoever opens the notebook on the next day would read "Error
    displaying widget" in place of each question. `model` is the server's contents model, and is changed in place.
    """
    if model["type"] != "notebook" or not model.get("content"):
        return
    for cell in model["content"]["cells"]:
        for output in cell.get("outputs", ()):
            if "text/html" in output.get("data", ()):
                output["data"].pop(WIDGET_VIEW, None)


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "helpers.widgets.saving"}]


def _load_jupyter_server_extension(server) -> None:
    server.contents_manager.register_pre_save_hook(strip_widget_views)
