"""The picture of a chain: boxes from the top to the bottom, and what links each to the next.

It is an HTML list, so that it still reads well where a viewer takes the style away. `str()` draws the same in text.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from helpers.display.text import as_html, visible

_STYLE = Path(__file__).with_name("chain.css").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Box:
    """`kind` is "trusted", "plain" or "missing". `link` says what the box above did to this one, if there is one."""

    title: str
    text: str
    kind: str = "plain"
    link: str = ""


@dataclass(frozen=True)
class ChainPicture:
    """All texts are plain and are escaped when shown."""

    caption: str
    boxes: Sequence[Box]

    def _repr_html_(self) -> str:
        items = "\n".join(
            (f'<li class="link">↓ {as_html(box.link)}</li>\n' if box.link else "")
            + f'<li class="box {box.kind}"><b>{as_html(box.title)}</b><br>{as_html(box.text)}</li>'
            for box in self.boxes
        )
        return f'<div class="chain"><style>{_STYLE}</style>\n<p>{as_html(self.caption)}</p>\n<ol>\n{items}\n</ol></div>'

    def __str__(self) -> str:
        lines = [visible(self.caption)]
        for box in self.boxes:
            lines += [f"    ↓ {visible(box.link)}"] if box.link else []
            lines.append(f"  {visible(box.title)}: {visible(box.text)}")
        return "\n".join(lines)

    def _repr_pretty_(self, printer, cycle: bool) -> None:
        printer.text(str(self))
