"""What a fit will hold in memory, reckoned before it begins, and a refusal with the numbers where that is too much."""

import os
from math import prod
from pathlib import Path

from forecasting.errors import ResourceError
from forecasting.estimators.partners import most_histories
from forecasting.network.linear import MOST_WINDOWS
from forecasting.network.spec import NetworkSpec
from forecasting.windows import reach

_DOUBLE, _SINGLE = 8, 4
_COPIES_OF_PANEL = 4
"""Values, times, and two copies under way while the links of a target are applied."""
_COPIES_OF_CHANNELS = 3
"""A covariate as it came, in double precision, and as a network reads it."""
_TARGETS_OF_WINDOW = 3
"""What the regression keeps for each of its windows beside the window: target, rest, and error under way."""
_DOUBLES_OF_STEP = 2
"""Value and row number, while histories are gathered."""
_SINGLES_OF_UNIT = 6
"""A state and what its gradient needs: read, norm, state, residual, and the gradients of two of them."""


def planned_memory(
    spec: NetworkSpec, steps: int, held_out_windows: int, batch_size: int, season_length: int
) -> dict[str, int]:
    """Bytes that a fit holds at its largest, by what they are for.

    Parameters
    ----------
    spec : NetworkSpec
    steps : int
        Values of all series together.
    held_out_windows, batch_size, season_length : int
    """
    covariates = (
        spec.lookback * (spec.past_channels + spec.elapsed) + spec.horizon * spec.future_channels + spec.static_channels
    )
    window = spec.lookback + spec.n_quantiles * spec.horizon + covariates
    states = spec.segments * spec.n_layers * spec.units * _SINGLES_OF_UNIT
    regression = min(steps, MOST_WINDOWS) * (window + _TARGETS_OF_WINDOW * spec.horizon) * _SINGLE
    histories = min(steps, most_histories(spec.lookback, season_length)) * reach(spec.lookback, season_length)
    gathered = max(regression, histories * _DOUBLES_OF_STEP * _DOUBLE)
    parameters = spec.n_members * sum(prod(shape) for shape in spec.shapes().values())
    return {
        "series": steps * (_COPIES_OF_PANEL * _DOUBLE + spec.past_channels * _COPIES_OF_CHANNELS * _SINGLE),
        "windows": gathered + held_out_windows * 2 * window * _SINGLE,
        "batches": 2 * spec.n_members * batch_size * (2 * window + states) * _SINGLE,
        "weights": 5 * parameters * _SINGLE,
    }


def check_memory(plan: dict[str, int]) -> None:
    """Raise ResourceError where a plan needs more memory than the machine has free."""
    free, needed = free_memory(), sum(plan.values())
    if free is not None and needed > free:
        parts = ", ".join(f"{name} {size / 2**30:.1f}" for name, size in plan.items())
        raise ResourceError(
            f"the fit needs about {needed / 2**30:.1f} GiB of memory ({parts}), and {free / 2**30:.1f} GiB are free",
            remedy="Use a shorter lookback, fewer units or members, a smaller batch_size, or fewer series",
        )


def free_memory() -> int | None:
    """Bytes that can still be used without swapping; None where the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError):
        pass
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None
