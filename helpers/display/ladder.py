"""The picture of an exchange: a column for each party, a row for each message, and what each message proved.

It is an HTML table, so that a screen reader can walk it, and so that it still reads well where a viewer takes the style
away (JupyterLab does that to a notebook that is not yet trusted, code hosts do it always). `str()` draws the same in text.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

_STYLE = Path(__file__).with_name("ladder.css").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Remark:
    """What a message brought about: a "proof", a false one that was "accepted", a "failure", or that somebody "learned" of it."""

    kind: str
    text: str


# A sign and a word for each kind: colour alone would leave some readers out.
SIGNS = {"proof": ("✔", "Proved"), "accepted": ("!", "Accepted"), "failure": ("✘", "Refused"), "learned": ("➜", "Learned")}


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
    def matters(self) -> bool:
        """Shown in the short form: something is said of it, or something came of it."""
        return bool(self.note or self.remarks)


@dataclass(frozen=True)
class Ladder:
    """`parties` are the columns from left to right. All texts are plain and are escaped when shown."""

    title: str
    caption: str
    parties: Sequence[str]
    steps: Sequence[Step]

    def _repr_html_(self) -> str:
        """The short form, and all messages on demand where the short form leaves any out."""
        whole = list(self._whole_rows())
        short = list(self._short_rows())
        picture = self._table(short)
        if short != whole:
            picture += (
                f"\n<details><summary>All {len(self.steps)} messages</summary>\n{self._table(whole)}\n</details>"
            )
        return f'<div class="ladder"><style>{_STYLE}</style>\n{picture}\n</div>'

    def _table(self, rows: Sequence[str]) -> str:
        parties = "".join(f'<th scope="col">{escape(party)}</th>' for party in self.parties)
        return (
            f"<table>\n<caption><b>{escape(self.title)}</b><br>{escape(self.caption)}</caption>\n"
            f'<thead><tr><th scope="col">Step</th>{parties}</tr></thead>\n'
            f"<tbody>\n" + "\n".join(rows) + "\n</tbody>\n</table>"
        )

    def _whole_rows(self) -> Iterator[str]:
        for step in self.steps:
            yield self._message_row(step)
            for remark in step.remarks:
                yield self._remark_row(remark)

    def _short_rows(self) -> Iterator[str]:
        skipped: list[str] = []
        for step in self.steps:
            if not step.matters:
                skipped.append(step.name)
                continue
            yield from self._skipped_row(skipped)
            skipped = []
            yield self._message_row(step)
            for remark in step.remarks:
                yield self._remark_row(remark)
        yield from self._skipped_row(skipped)

    def _skipped_row(self, names: Sequence[str]) -> Iterator[str]:
        n = len(self.parties)
        if names:
            yield f'<tr class="skipped"><td></td><td colspan="{n}" class="span{n}"><span>… {escape(", ".join(names))}</span></td></tr>'

    def _message_row(self, step: Step) -> str:
        left, right = sorted((step.sender, step.receiver))
        before = "<td></td>" * left
        after = "<td></td>" * (len(self.parties) - 1 - right)
        way = "right" if step.sender < step.receiver else "left"
        who = f"{self.parties[step.sender]} → {self.parties[step.receiver]}:"
        note = f"<br><small>{escape(step.note)}</small>" if step.note else ""
        # "encrypted" is a word, not only another line: it must survive without the style, and for eyes that see no colour.
        lock = ' <i class="lock">encrypted</i>' if step.encrypted else ""
        kind = "sealed" if step.encrypted else "plain"
        return (
            f'<tr class="step"><th scope="row">{step.number}</th>{before}'
            f'<td colspan="{right - left + 1}" class="span{right - left + 1}"><div class="arrow {way} {kind}">'
            f'<span class="who">{escape(who)}</span> <span class="what"><b>{escape(step.name)}</b>{lock}</span>{note}</div></td>'
            f"{after}</tr>"
        )

    def _remark_row(self, remark: Remark) -> str:
        sign, word = SIGNS[remark.kind]
        return (
            f'<tr class="{remark.kind}"><td></td><td colspan="{len(self.parties)}" class="span{len(self.parties)}"><div>'
            f"{sign} <b>{word}.</b> {escape(remark.text)}</div></td></tr>"
        )

    def __str__(self) -> str:
        """The whole ladder as text."""
        # A column is as wide as its heading or its longest message needs.
        width = max([len(party) + 4 for party in self.parties] + [len(step.name) + 10 for step in self.steps])
        heading = "".join(party.center(width) for party in self.parties).rstrip()
        lines = [self.title, self.caption, "", f"      {heading}"]
        for step in self.steps:
            left, right = sorted((step.sender, step.receiver))
            dash = "=" if step.encrypted else "-"
            inner = f" {step.name} ".center((right - left) * width - 3, dash)
            arrow = f"{dash}{inner}>" if step.sender < step.receiver else f"<{inner}{dash}"
            line = list("|".center(width) * len(self.parties))
            start = left * width + (width - 1) // 2 + 1
            line[start : start + len(arrow)] = arrow
            said = "; ".join(part for part in ("encrypted" if step.encrypted else "", step.note) if part)
            lines.append(f"  {step.number:>2}  {''.join(line).rstrip()}  {said}".rstrip())
            for remark in step.remarks:
                sign, word = SIGNS[remark.kind]
                lines.append(f"      {sign} {word}. {remark.text}")
        return "\n".join(lines)

    def _repr_pretty_(self, printer, cycle: bool) -> None:
        printer.text(str(self))
