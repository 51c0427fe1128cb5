"""The terminal: results on standard output, everything else on standard error.

A command runs inside :func:`session`. It hands its result over once, with :meth:`Session.show`, as a document (for
``--json``) and as something to look at. Log lines of the project go to standard error as progress; whatever a library
prints on the way goes there also, so that standard output holds the result alone.
"""

import contextlib
import json
import logging
import os
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, TextIO

import typer
from rich.console import Console, RenderableType
from rich.text import Text

from flows.results import ErrorRecord, PipelineError, as_document
from forecasting.errors import ForecastingError

_LOGGERS = ("flows", "forecasting")
_WIDTH_OF_A_PIPE = 120


def console(stream: Any) -> Console:
    """A console on this stream; wide enough for tables where it is not a terminal."""
    return Console(file=stream, width=None if stream.isatty() else _WIDTH_OF_A_PIPE, highlight=False)


@dataclass
class Session:
    """One run of a command.

    Attributes
    ----------
    as_json : bool
        Whether the result is written as one JSON document.
    debug : bool
        Whether the trace of an error is shown.
    out, err : Console
    """

    as_json: bool
    debug: bool
    out: Console
    err: Console
    _shown: bool = field(default=False, init=False)

    def show(self, document: Any, *views: RenderableType) -> None:
        """Write the result: the document with ``--json``, otherwise what there is to look at."""
        if self.as_json:
            if self._shown:
                raise RuntimeError("a command writes one JSON document")
            self._shown = True
            self.out.file.write(json.dumps(as_document(document), indent=2, ensure_ascii=False) + "\n")
            self.out.file.flush()
            return
        for view in views:
            self.out.print(view, soft_wrap=isinstance(view, str | Text))

    def say(self, text: str) -> None:
        """One line of progress on standard error."""
        self.err.print(Text(text, style="dim"), soft_wrap=True)

    def fail(self, error: BaseException) -> None:
        """One red line on standard error, the trace as well with ``--debug``, and the document of the error."""
        record = ErrorRecord.of(error)
        if self.debug:
            self.err.print(Text("".join(traceback.format_exception(error)).rstrip()), soft_wrap=True)
        elif not isinstance(error, ForecastingError):
            text = f"{record.message.splitlines()[0]} (run with --debug for the trace)"
            record = replace(record, message=text)
        self.tell(record)
        if self.as_json and not self._shown:
            self.show({"error": record})

    def tell(self, record: ErrorRecord) -> None:
        """One red line on standard error."""
        self.err.print(Text.assemble(("error: ", "bold red"), (record.message, "red")), soft_wrap=True)


class _ProgressHandler(logging.Handler):
    """Log records of the project as lines of progress, but for those that the result repeats."""

    def __init__(self, target: Console) -> None:
        super().__init__(logging.INFO)
        self._target = target

    def emit(self, record: logging.LogRecord) -> None:
        if getattr(record, "in_result", False):
            return
        style = "red" if record.levelno >= logging.ERROR else "yellow" if record.levelno >= logging.WARNING else "dim"
        self._target.print(Text(record.getMessage(), style=style), soft_wrap=True)


@contextlib.contextmanager
def session(*, as_json: bool, debug: bool) -> Iterator[Session]:
    """Run a command: its errors become one line and an exit code.

    Raises
    ------
    typer.Exit
        With 1 or 2 after an error, 130 after an interrupt.
    """
    _quiet_libraries()
    err = console(sys.stderr)
    with _result_stream() as stream, _progress(err):
        current = Session(as_json, debug, console(stream), err)
        try:
            yield current
        except typer.Exit:
            raise
        except KeyboardInterrupt:
            err.print(Text("interrupted", style="yellow"))
            raise typer.Exit(130) from None
        except PipelineError as error:
            raise typer.Exit(error.exit_code) from None
        except ForecastingError as error:
            current.fail(error)
            raise typer.Exit(error.exit_code) from None
        except Exception as error:  # noqa: BLE001  (the last place where an unforeseen error can be told)
            current.fail(error)
            raise typer.Exit(1) from None


def _quiet_libraries() -> None:
    """Keep the start-up lines of TensorFlow and the console log of Prefect off the terminal, unless asked for."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")


@contextlib.contextmanager
def _progress(target: Console) -> Iterator[None]:
    handler = _ProgressHandler(target)
    before = {name: logging.getLogger(name).level for name in _LOGGERS}
    for name in _LOGGERS:
        logging.getLogger(name).addHandler(handler)
        logging.getLogger(name).setLevel(logging.INFO)
    try:
        yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).removeHandler(handler)
            logging.getLogger(name).setLevel(level)


@contextlib.contextmanager
def _result_stream() -> Iterator[TextIO]:
    """The stream for results, while what libraries and the processes they start print goes to standard error."""
    stdout, stderr = sys.stdout, sys.stderr
    try:
        is_descriptor_one = stdout.fileno() == 1
    except (OSError, ValueError):
        is_descriptor_one = False
    if not is_descriptor_one:
        with contextlib.redirect_stdout(stderr):
            yield stdout
        return
    stdout.flush()
    kept = os.dup(1)
    try:
        os.dup2(2, 1)
        with open(kept, "w", encoding="utf-8", closefd=False) as stream, contextlib.redirect_stdout(stderr):
            yield stream
    finally:
        os.dup2(kept, 1)
        os.close(kept)
