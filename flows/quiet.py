"""Importing the network without the lines that TensorFlow writes while it starts, which no setting turns off."""

import contextlib
import importlib
import os
import sys
import tempfile
from collections.abc import Iterator


def import_network() -> None:
    """Import the network; what is written to standard error meanwhile is shown only if that fails."""
    if "forecasting.network.engine" not in sys.modules:
        with _held_back_stderr():
            importlib.import_module("forecasting.network.engine")


@contextlib.contextmanager
def _held_back_stderr() -> Iterator[None]:
    """Hold back all that is written to descriptor 2, by C code too; write it after an error."""
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(kept, held.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)
