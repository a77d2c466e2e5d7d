"""What every command prints with: messages to standard error, tables to standard output."""

import functools
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any, NoReturn

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from liqbayes.errors import LiqbayesError

DONE, BAD_INPUT, NOT_CONVERGED, INTERRUPTED = 0, 2, 3, 130
# of `liqbayes monitor`: something may be wrong with a fit; it should not be used
MONITOR_AMBER, MONITOR_RED = 4, 5
# A table that is piped is read by programs or kept in a log: do not fold it at 80 columns.
_PIPED_WIDTH = 160


def errors() -> Console:
    """Console of messages; made when used, so that a redirected stream is respected."""
    return Console(stderr=True, highlight=False)


def say(text: str) -> None:
    """A message for people."""
    errors().print(text, markup=False, soft_wrap=True)


def warn(text: str) -> None:
    """A message that should not be overlooked."""
    errors().print(f"[bold yellow]warning:[/] {escape(text)}", soft_wrap=True)


def out() -> Console:
    """Console of results."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_PIPED_WIDTH)
    return console


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], *, title: str = "", right: int = 1
) -> None:
    """A table on standard output; columns from the `right`-th on are numbers."""
    from rich import box

    table = Table(title=title or None, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for i, name in enumerate(columns):
        table.add_column(name, justify="right" if i >= right else "left")
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    out().print(table)


def range_text(low: float, high: float, form: str = ".3g") -> str:
    """An interval in words, or the one number that it is; unknown as a dash."""
    if low != low:
        return number(None)
    return f"{low:{form}}" if low == high else f"{low:{form}} to {high:{form}}"


def guarded[**P](command: Callable[P, None]) -> Callable[P, None]:
    """Turn errors of liqbayes into one message and status 2, Ctrl-C and SIGTERM into 130."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        with _noting_interrupts() as interrupts:
            try:
                command(*args, **kwargs)
            except LiqbayesError as error:
                errors().print(f"[bold red]error:[/] {escape(str(error))}", soft_wrap=True)
                raise typer.Exit(BAD_INPUT) from None
            except KeyboardInterrupt:
                _stop()
            except typer.Exit:
                raise
            except Exception:
                # The compiler swallows a KeyboardInterrupt that reaches it in a callback and then
                # fails on what it did not finish.
                if interrupts:
                    _stop()
                raise

    return run


def _stop() -> NoReturn:
    say("interrupted; nothing was written.")
    raise typer.Exit(INTERRUPTED) from None


@contextmanager
def _noting_interrupts() -> Iterator[list[int]]:
    """Ctrl-C raises KeyboardInterrupt as ever, and is also remembered; so does a SIGTERM.

    A scheduler or container that stops a run sends the latter: workers have to end with it, and
    what was finished has to be written, just as after Ctrl-C.
    """
    seen: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        seen.append(number)
        signal.default_int_handler(signal.SIGINT, frame)

    usual: dict[signal.Signals, Any] = {
        signal.SIGINT: signal.default_int_handler,
        signal.SIGTERM: signal.SIG_DFL,
    }
    main = threading.current_thread() is threading.main_thread()
    ours = [number for number, known in usual.items() if main and signal.getsignal(number) is known]
    for number in ours:
        signal.signal(number, note)
    try:
        yield seen
    finally:
        for number in ours:
            signal.signal(number, usual[number])


@contextmanager
def progress(total: int) -> Iterator[Callable[[str], None]]:
    """A bar on standard error that moves on each time it is told the next step in words."""
    console = errors()
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as bar:
        task = bar.add_task("", total=total)
        started = False

        def step(words: str) -> None:
            nonlocal started
            bar.update(task, description=words, advance=1 if started else 0)
            started = True

        yield step


def number(value: float | None, unit: str = "") -> str:
    """A figure for people: shares in percent, amounts with a suffix, unknown as a dash."""
    if value is None:
        return "–"
    if unit == "share":
        return f"{100 * value:.1f} %"
    if unit == "price":
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:,.4g}"
    if unit == "leverage":
        return f"{value:.3g}x"
    for limit, suffix in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            return f"{value / limit:.3g}{suffix}"
    # less than a cent
    return "0" if abs(value) < 0.005 else f"{value:.3g}"


def interval(values: Sequence[float | None] | None, unit: str = "") -> tuple[str, str]:
    """Median and 90 % interval as two cells."""
    if values is None:
        return number(None), ""
    low, middle, high = values
    if low is None or high is None:
        return number(middle, unit), "none"
    return number(middle, unit), f"{number(low, unit)} to {number(high, unit)}"
