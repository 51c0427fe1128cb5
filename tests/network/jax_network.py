"""Run with KERAS_BACKEND=jax: prints forecasts, gradients and a short training of given networks as JSON."""

import json
import sys

import jax
import keras
import numpy as np

from forecasting.network.engine import engine
from forecasting.network.spec import NetworkSpec
from forecasting.scaling import part_of
from tests.network.textbook import TEXTBOOK, random_batch, random_weights

COVARIATES = NetworkSpec(8, 3, 4, 4, 1, True, True, past_channels=2, future_channels=1, static_channels=1, elapsed=True)
QUANTILES = NetworkSpec(8, 3, 4, 4, 1, False, True, loss="pinball", quantiles=(0.1, 0.5, 0.9))


def gradients(network, weights, reading, target):
    network.put(weights)
    model = network.model
    names = {id(weight): f"{layer.name}.{weight.name}" for layer in model.layers for weight in layer.weights}
    other = [variable.value for variable in model.non_trainable_variables]

    def error(trainable):
        return model.compute_loss(y=target, y_pred=model.stateless_call(trainable, other, reading)[0])

    found = jax.grad(error)([variable.value for variable in model.trainable_variables])
    return {
        names[id(variable)]: np.asarray(part).tolist()
        for variable, part in zip(model.trainable_variables, found, strict=True)
    }


def main() -> None:
    network, weights = engine(TEXTBOOK), random_weights(TEXTBOOK)
    reading, target = random_batch(TEXTBOOK, 11)
    target[0, 2, 1] = np.nan
    trained, losses = [], []
    for _ in range(2):
        with network.lock:
            network.begin(weights, 0.2)
            losses = [network.step(*random_batch(TEXTBOOK, 16, seed), 0.02) for seed in (1, 2, 3)]
            trained.append({name: weight.tolist() for name, weight in network.take().items()})
    wider = {}
    for name, spec in (("covariates", COVARIATES), ("quantiles", QUANTILES)):
        wide, wide_weights, (wide_reading, wide_target) = engine(spec), random_weights(spec), random_batch(spec, 7)
        wider[name] = {
            "forecast": wide.forecast(wide_weights, part_of(wide_reading, 0)).tolist(),
            "gradients": gradients(wide, wide_weights, wide_reading, wide_target),
        }
    answer = {
        "backend": keras.backend.backend(),
        "forecast": network.forecast(weights, part_of(reading, 0)).tolist(),
        "gradients": gradients(network, weights, reading, target),
        **wider,
        "losses": losses,
        "trained": trained,
    }
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
