"""A table with a caption: HTML where there is HTML, plain text elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from helpers.display.text import as_html, visible

MARKED = ' class="marked"'
_STYLE = Path(__file__).with_name("table.css").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Table:
    """Rows of text under headers. The first cell of a row is its heading. `marked` rows (from 0) stand out.

    Every cell is plain text and is escaped when shown: it may come from a certificate or from a host.
    Raises ValueError where a row has more or fewer cells than there are headers.
    """

    caption: str
    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    marked: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.headers):
                raise ValueError(f"this row has {len(row)} cells, the table has {len(self.headers)} columns: {row!r}")

    def _repr_html_(self) -> str:
        head = "".join(f'<th scope="col">{as_html(header)}</th>' for header in self.headers)
        body = "\n".join(
            f'<tr{MARKED * (number in self.marked)}><th scope="row">{as_html(first)}</th>'
            + "".join(f"<td>{as_html(cell)}</td>" for cell in rest)
            + "</tr>"
            for number, (first, *rest) in enumerate(self.rows)
        )
        caption = as_html(self.caption)
        # Where the table is wider than the window it scrolls, so it takes the focus: arrow keys must reach it, too.
        region = f'role="group" aria-label="{caption}" tabindex="0" data-lm-suppress-shortcuts="true"'
        return (
            f'<div class="course-table" {region}><style>{_STYLE}</style>\n<table>\n<caption>{caption}</caption>\n'
            f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table></div>"
        )

    def __str__(self) -> str:
        lines = [[visible(cell) for cell in line] for line in (self.headers, *self.rows)]
        widths = [max(len(line[column]) for line in lines) for column in range(len(self.headers))]
        text = [
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
        ]
        return "\n".join([visible(self.caption), "", text[0], "  ".join("-" * width for width in widths), *text[1:]])

    def _repr_pretty_(self, printer, cycle: bool) -> None:
        printer.text(str(self))
