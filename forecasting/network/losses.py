"""What a training minimises: one number per member, summed over the members.

A sum, because then no member's gradient depends on how many others there are.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from keras import ops


def member_losses(name: str, target: Any, output: Any, weight: Any = None, *, quantiles: Sequence[float] = ()) -> Any:
    """The loss of every member, a tensor of shape (members,).

    The errors of a member are averaged over its observed targets; NaN in the target is not observed. With weights it is
    the weighted average, so that a weight of 2 counts as the window twice, and one of 0 as no window. A member without
    any observed target has the loss 0.

    Parameters
    ----------
    name : {"absolute", "squared", "cross_entropy", "pinball"}
        |y - f|, (y - f)^2, or -sum_k y_k log softmax(f)_k over the last axis, which counts as one target; its y are
        the shares of the classes, all of them observed or none. The last one is the mean over the quantiles f_p of the
        pinball loss max(p (y - f_p), (p - 1) (y - f_p)) (Koenker and Bassett 1978, "Regression quantiles").
    target : tensor of shape (members, batch, horizon)
    output : tensor of the same shape, or for "pinball" of (members, batch, n_quantiles * horizon)
        All steps of the first quantile, then all of the next one, and so on.
    weight : tensor of shape (members, batch), optional
        Of every window, not negative.
    quantiles : sequence of float, optional
        The probabilities p, for "pinball".
    """
    seen = ops.isfinite(target)
    errors = partial(_pinball, quantiles) if name == "pinball" else _ERRORS[name]
    error, seen = errors(ops.where(seen, target, 0.0), output, seen)
    counted = ops.cast(seen, error.dtype)
    if weight is not None:
        counted = counted * ops.cast(weight, error.dtype)[:, :, None]
    count = ops.sum(counted, axis=(1, 2))
    total = ops.sum(ops.where(seen, error, 0.0) * counted, axis=(1, 2))
    return total / ops.where(count > 0, count, 1.0)


def _absolute(target: Any, output: Any, seen: Any) -> tuple[Any, Any]:
    return ops.abs(target - output), seen


def _squared(target: Any, output: Any, seen: Any) -> tuple[Any, Any]:
    return ops.square(target - output), seen


def _cross_entropy(target: Any, output: Any, seen: Any) -> tuple[Any, Any]:
    error = -ops.sum(target * ops.log_softmax(output, axis=-1), axis=-1, keepdims=True)
    return error, ops.all(seen, axis=-1, keepdims=True)


def _pinball(quantiles: Sequence[float], target: Any, output: Any, seen: Any) -> tuple[Any, Any]:
    steps, error = output.shape[-1] // len(quantiles), 0.0
    for number, share in enumerate(quantiles):
        gap = target - output[:, :, number * steps : (number + 1) * steps]
        error = error + ops.maximum(share * gap, (share - 1) * gap)
    return error / len(quantiles), seen


_ERRORS: dict[str, Callable[[Any, Any, Any], tuple[Any, Any]]] = {
    "absolute": _absolute,
    "squared": _squared,
    "cross_entropy": _cross_entropy,
}
