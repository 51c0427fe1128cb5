"""Work in threads, as many as there are cores, each with one BLAS thread.

Products of small parts are where a core is best used: threads of BLAS would wait longer for each other than they work.
"""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

_Part = TypeVar("_Part")
_Result = TypeVar("_Result")


def in_threads(work: Callable[[_Part], _Result], parts: Sequence[_Part]) -> list[_Result]:
    """What a function gives for each of some parts, in their order; an error in one of them is raised.

    Where there is one part only, and where this is called within such work, no further thread begins.
    """
    with _one_blas_thread():
        if len(parts) < 2 or getattr(_Here, "working", False):
            return [work(part) for part in parts]
        with ThreadPoolExecutor(min(len(parts), os.cpu_count() or 1), initializer=_begin) as threads:
            return list(threads.map(work, parts))


_Here = threading.local()


def _begin() -> None:
    _Here.working = True


class _Limit:
    """How many calls are under way in this process, and the limit that they share."""

    lock = threading.Lock()
    users = 0
    held: Any = None


@cache
def _libraries() -> "ThreadpoolController":
    """The BLAS libraries of this process; looking for them takes longer than many a forecast."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


@contextmanager
def _one_blas_thread() -> Iterator[None]:
    """One BLAS thread while any call is under way: the setting is that of the whole process."""
    with _Limit.lock:
        if not _Limit.users:
            _Limit.held = _libraries().limit(limits=1, user_api="blas")
        _Limit.users += 1
    try:
        yield
    finally:
        with _Limit.lock:
            _Limit.users -= 1
            if not _Limit.users:
                _Limit.held.restore_original_limits()
