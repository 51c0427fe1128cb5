"""Work in threads: in order, with its errors, and no threads within threads."""

import threading
import time

import pytest
from threadpoolctl import threadpool_info

from forecasting.threads import in_threads


def blas_threads() -> set[int]:
    return {one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"}


def test_results_come_in_the_order_of_the_parts():
    def late_first(part: int) -> int:
        time.sleep(0.02 * (part == 0))
        return part * part

    assert in_threads(late_first, range(5)) == [0, 1, 4, 9, 16]
    assert in_threads(late_first, []) == []


def test_one_part_is_worked_on_where_it_is_asked_for():
    assert in_threads(lambda _: threading.current_thread(), [1]) == [threading.current_thread()]
    assert threading.current_thread() not in in_threads(lambda _: threading.current_thread(), [1, 2])


def test_work_within_work_begins_no_further_thread():
    def outer(_: int) -> list[bool]:
        here = threading.current_thread()
        return in_threads(lambda _: threading.current_thread() is here, range(3))

    assert in_threads(outer, range(4)) == [[True] * 3] * 4


def test_while_it_lasts_blas_has_one_thread_and_then_as_many_as_before_even_after_an_error():
    before = blas_threads()

    def fails(part: int) -> None:
        assert blas_threads() == {1}
        raise ValueError(f"part {part}")

    with pytest.raises(ValueError, match="part 0"):
        in_threads(fails, range(2))
    assert blas_threads() == before
