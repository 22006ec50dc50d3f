"""The picture of an exchange: a column for each party, a row for each message, and what each message proved.

It is an HTML table, so that a screen reader can walk it, and so that it still reads well where a viewer takes the
style away: JupyterLab does that to a notebook that is not yet trusted, code hosts do it always. `str()` draws the same
in text.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from helpers.display.text import as_html, visible

_STYLE = Path(__file__).with_name("ladder.css").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Remark:
    """What a message brought about. `kind` is a key of SIGNS; "accepted" is a proof under a borrowed name."""

    kind: str
    text: str


# A sign and a word for each kind: colour alone would leave some readers out.
SIGNS = {
    "proof": ("✔", "Proved"),
    "accepted": ("!", "Accepted"),
    "failure": ("✘", "Refused"),
    "learned": ("➜", "Learned"),
}


@dataclass(frozen=True)
class Step:
    """One message. `sender` and `receiver` are columns, counted from 0."""

    number: int
    sender: int
    receiver: int
    name: str
    note: str
    encrypted: bool
    remarks: tuple[Remark, ...] = ()

    @property
    def between(self) -> tuple[int, int]:
        """The columns of its two parties, the left one first."""
        return min(self.sender, self.receiver), max(self.sender, self.receiver)

    @property
    def matters(self) -> bool:
        """Shown in the short form: something is said of it, or something came of it."""
        return bool(self.note or self.remarks)


@dataclass(frozen=True)
class Ladder:
    """`verdict` is the picture in one word or two, or empty. `caption` says it in sentences, on one line or more.

    `parties` are the columns from left to right. All texts are plain and are escaped when shown.
    """

    title: str
    verdict: str
    caption: Sequence[str]
    parties: Sequence[str]
    steps: Sequence[Step]

    def _repr_html_(self) -> str:
        """The short form, and all messages on demand where the short form leaves any out."""
        picture = self._table(self._rows(short=True))
        if not all(step.matters for step in self.steps):
            whole = self._table(self._rows(short=False))
            picture += f"\n<details><summary>All {len(self.steps)} messages</summary>\n{whole}\n</details>"
        return f'<div class="ladder"><style>{_STYLE}</style>\n{picture}\n</div>'

    def _table(self, rows: Iterator[str]) -> str:
        parties = "".join(f'<th scope="col">{as_html(party)}</th>' for party in self.parties)
        caption = "<br>".join(as_html(line) for line in self.caption)
        verdict = f'<strong class="verdict">{as_html(self.verdict)}.</strong> ' if self.verdict else ""
        return (
            f"<table>\n<caption><b>{as_html(self.title)}</b><br>{verdict}{caption}</caption>\n"
            f'<thead><tr><th scope="col">Step</th>{parties}</tr></thead>\n'
            f"<tbody>\n" + "\n".join(rows) + "\n</tbody>\n</table>"
        )

    def _rows(self, short: bool) -> Iterator[str]:
        skipped: list[Step] = []
        for step in self.steps:
            if skipped and (step.matters or step.between != skipped[0].between):
                yield self._skipped_row(skipped)
                skipped = []
            if short and not step.matters:
                skipped.append(step)
                continue
            yield self._message_row(step)
            for remark in step.remarks:
                sign, word = SIGNS[remark.kind]
                yield self._wide_row(remark.kind, f"{sign} <b>{word}.</b> {as_html(remark.text)}")
        if skipped:
            yield self._skipped_row(skipped)

    def _wide_row(self, kind: str, html: str) -> str:
        span = len(self.parties)
        return f'<tr class="{kind}"><td></td>{self._wide_cell(span)}<div>{html}</div></td></tr>'

    def _wide_cell(self, span: int) -> str:
        # The alignment is for viewers that keep no style sheet; JupyterLab's own would put the text to the right.
        return f'<td colspan="{span}" class="span{span}" style="text-align: left">'

    def _skipped_row(self, steps: list[Step]) -> str:
        names = ", ".join(step.name for step in steps)
        return f'<tr class="skipped"><td></td>{self._between(steps[0], f"<div>… {as_html(names)}</div>")}</tr>'

    def _message_row(self, step: Step) -> str:
        way = "right" if step.sender < step.receiver else "left"
        who = f"{self.parties[step.sender]} → {self.parties[step.receiver]}:"
        # "encrypted" is a word and not only another line: it must survive without the style.
        name = as_html(step.name).replace("_", "_<wbr>")  # where a long name may be broken in a narrow window
        kind, lock = ("sealed", ' <i class="lock">encrypted</i>') if step.encrypted else ("plain", "")
        note = f"<br><small>{as_html(step.note)}</small>" if step.note else ""
        arrow = (
            f'<div class="arrow {way} {kind}"><span class="who">{as_html(who)}</span> '
            f'<span class="what"><b>{name}</b>{lock}</span>{note}</div>'
        )
        return f'<tr class="step"><th scope="row">{step.number}</th>{self._between(step, arrow)}</tr>'

    def _between(self, step: Step, html: str) -> str:
        """The cells of a row whose content stands between the two parties of `step`."""
        left, right = step.between
        after = len(self.parties) - 1 - right
        return f"{'<td></td>' * left}{self._wide_cell(right - left + 1)}{html}</td>{'<td></td>' * after}"

    def __str__(self) -> str:
        """The whole ladder as text."""
        # A column is as wide as its heading or its longest message needs.
        width = max([len(visible(p)) + 4 for p in self.parties] + [len(visible(step.name)) + 10 for step in self.steps])
        heading = "".join(visible(party).center(width) for party in self.parties).rstrip()
        first, *rest = self.caption
        said = [f"{self.verdict}. {first}" if self.verdict else first, *rest]
        lines = [visible(self.title), *map(visible, said), "", f"      {heading}"]
        for step in self.steps:
            left, right = step.between
            dash = "=" if step.encrypted else "-"
            inner = f" {visible(step.name)} ".center((right - left) * width - 3, dash)
            arrow = f"{dash}{inner}>" if step.sender < step.receiver else f"<{inner}{dash}"
            line = list("|".center(width) * len(self.parties))
            start = left * width + (width - 1) // 2 + 1
            line[start : start + len(arrow)] = arrow
            said = "; ".join(part for part in ("encrypted" if step.encrypted else "", visible(step.note)) if part)
            lines.append(f"  {step.number:>2}  {''.join(line).rstrip()}  {said}".rstrip())
            for remark in step.remarks:
                sign, word = SIGNS[remark.kind]
                lines.append(f"      {sign} {word}. {visible(remark.text)}")
        return "\n".join(lines)

    def _repr_pretty_(self, printer, cycle: bool) -> None:
        printer.text(str(self))
