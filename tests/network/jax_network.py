"""Run with KERAS_BACKEND=jax: prints forecasts, gradients and a short training of given networks as JSON."""

import json
import sys

import jax
import keras
import numpy as np

from forecasting.network.engine import engine
from tests.network.textbook import TEXTBOOK, random_batch, random_weights


def gradients(network, weights, inputs, observed, target):
    network.put(weights)
    model = network.model
    names = {id(weight): f"{layer.name}.{weight.name}" for layer in model.layers for weight in layer.weights}
    other = [variable.value for variable in model.non_trainable_variables]

    def error(trainable):
        return model.compute_loss(y=target, y_pred=model.stateless_call(trainable, other, [inputs, observed])[0])

    found = jax.grad(error)([variable.value for variable in model.trainable_variables])
    return {
        names[id(variable)]: np.asarray(part).tolist()
        for variable, part in zip(model.trainable_variables, found, strict=True)
    }


def main() -> None:
    network, weights = engine(TEXTBOOK), random_weights(TEXTBOOK)
    inputs, observed, target = random_batch(TEXTBOOK, 11)
    target[0, 2, 1] = np.nan
    trained, losses = [], []
    for _ in range(2):
        with network.lock:
            network.begin(weights, 0.2)
            losses = [network.step(*random_batch(TEXTBOOK, 16, seed), 0.02) for seed in (1, 2, 3)]
            trained.append({name: weight.tolist() for name, weight in network.take().items()})
    answer = {
        "backend": keras.backend.backend(),
        "forecast": network.forecast(weights, inputs[0], observed[0]).tolist(),
        "gradients": gradients(network, weights, inputs, observed, target),
        "losses": losses,
        "trained": trained,
    }
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
