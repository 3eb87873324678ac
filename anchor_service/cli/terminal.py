"""What moves on a terminal while a command works. Imported where there is one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text


@contextmanager
def bar(doing: str) -> Iterator[Callable[[str, int, int], None]]:
    """A bar that is given what is being done, how much of it is done, and how much there is."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn())
    with Progress(*columns, console=_console(), transient=True) as made:
        task = made.add_task(doing, total=None)

        def step(doing: str, done: int, total: int) -> None:
            made.update(task, description=doing, completed=done, total=total)

        yield step


@contextmanager
def spinner(doing: str) -> Iterator[Callable[[str], None]]:
    """A sign that work goes on, told what is being done."""
    with _console().status(doing) as status:
        yield status.update


def _console() -> Console:
    return Console(stderr=True, highlight=False, soft_wrap=True)


class _Rate(ProgressColumn):
    """Certificates a second."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:,.0f}/s" if task.speed else "")
