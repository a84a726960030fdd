"""What a person sees: progress while something takes long, findings as a list, failures as a line. All of it on standard error."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:  # the command line should not wait for the application before it is needed
    from souk.app.doctor import Finding
    from souk.cli.outcome import Outcome

ERR: Final = Console(stderr=True, highlight=False, soft_wrap=True)


class Steps:
    """Progress of work whose length is not known: a moving line on a terminal, plain lines elsewhere.

    Call it after each step: `steps("tulifo: ledger/0001_journal.sql")`.
    """

    def __init__(self, title: str) -> None:
        self.title = title
        self.count = 0
        self._began = time.monotonic()
        self._bar = Progress(
            SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=ERR, transient=True, disable=not ERR.is_terminal
        )
        self._task = self._bar.add_task(title, total=None)

    def __call__(self, step: str) -> None:
        self.count += 1
        self._bar.update(self._task, description=f"{self.title}: {escape(step)}")
        self._bar.console.print(f"  {escape(step)}")

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._bar.stop()


def say(text: str) -> None:
    """One line."""
    ERR.print(f"souk: {escape(text)}")


def tell(outcome: Outcome) -> None:
    """A failure, and what to do."""
    ERR.print(f"[bold red]souk:[/] {escape(outcome.problem)}")
    if outcome.remedy:
        ERR.print(f"      [bold]Remedy:[/] {escape(outcome.remedy)}.")


def show(findings: Sequence[Finding], *, as_json: bool) -> None:
    """What the doctor found: for a person, or for a program on standard output."""
    if as_json:
        found = [{"name": one.name, "ok": one.ok, "detail": one.detail, "remedy": "" if one.ok else one.remedy} for one in findings]
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
        return
    width = max(len(one.name) for one in findings)
    for one in findings:
        mark = "[green]✓[/]" if one.ok else "[bold red]✗[/]"
        ERR.print(f"{mark} {one.name:<{width}}  {escape(one.detail)}")
        if not one.ok:
            ERR.print(f"  {'':<{width}}  [bold]Remedy:[/] {escape(one.remedy)}.")
    wrong = sum(not one.ok for one in findings)
    ERR.print(f"souk: {len(findings)} things looked at, " + (f"{wrong} to mend" if wrong else "all well"))
