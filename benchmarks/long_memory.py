"""Long memory with a plain tanh cell: the adding problem at 600 steps and copy memory at 1,000, beside the stock layer.

Both tasks are those of Hochreiter and Schmidhuber 1997 as Bai, Kolter and Koltun 2018 (arXiv 1803.01271) set them up.
Ours is keras.layers.SimpleRNN over segments of the sequence, trained on sequences of growing length. The stock layer
reads the same channels step by step, with the defaults of Keras, once trained on growing lengths too and once on the
full length alone; units, batch, optimizer and clipping are the same. It is given fewer steps: each takes longer.

python -m benchmarks.long_memory                      all, on TensorFlow
KERAS_BACKEND=jax python -m benchmarks.long_memory    the same on JAX, which is faster on a CPU
python -m benchmarks.long_memory --task adding --network segments --seeds 1
"""

import argparse
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
from keras import layers

SYMBOLS, COPIED = 8, 10
BLANK, DELIMITER = 0, SYMBOLS + 1
CLIP_NORM = 1.0
TEST_SEQUENCES = 1000

Stages = tuple[tuple[int, int], ...]
"""Lengths of the sequences to train on, one after the other, and training steps with each."""


@dataclass(frozen=True)
class Setting:
    """How a network reads a task, and how it is trained.

    Attributes
    ----------
    segment : int
        Steps of the sequence that one step of the recurrence reads; 1 is the textbook network.
    units : int
    stages : tuple of (int, int)
    batch : int
    learning_rate : float
        Of Adam at the first step; it falls to zero along a cosine.
    embedding : int, default 0
        Tanh features that the channels of each step are first turned into, the same for all steps; 0 for none.
    identity : bool, default False
        Whether the recurrent kernel starts at the identity (Le, Jaitly and Hinton 2015, arXiv 1504.00941) and the input
        kernel small, not as Keras does by default.
    normed : bool, default False
        Whether states are layer-normalised before the head reads them.
    """

    segment: int
    units: int
    stages: Stages
    batch: int
    learning_rate: float
    embedding: int = 0
    identity: bool = False
    normed: bool = False

    @property
    def training_steps(self) -> int:
        """In all."""
        return sum(steps for _, steps in self.stages)


@dataclass(frozen=True)
class Task:
    """A task.

    Attributes
    ----------
    name : str
    length : int
        Of the sequences tested on.
    draw : callable
        Given a number of sequences, their length and a generator: sequences and what is asked of them.
    network : callable
    memoryless : float
        Loss of the best answer without memory.
    settings : dict of str to Setting
        Rows of the table.
    """

    name: str
    length: int
    draw: Callable[[int, int, np.random.Generator], tuple[np.ndarray, np.ndarray]]
    network: Callable[[Setting], keras.Model]
    memoryless: float
    settings: dict[str, Setting]


@dataclass(frozen=True)
class Result:
    """What came out: mean loss over fresh sequences, weights, and seconds of training, compilation included."""

    loss: float
    weights: int
    seconds: float


def adding_problem(count: int, steps: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Sequences (count, steps, 2) of uniform values and two markers, one in each half; and the marked sums, (count,).

    Answering 1, the mean, has a mean squared error of 1/6; the code of Bai, Kolter and Koltun says 0.1767.
    """
    values = rng.random((count, steps), dtype=np.float32)
    markers = np.zeros_like(values)
    for first, behind in ((0, steps // 2), (steps // 2, steps)):
        markers[np.arange(count), rng.integers(first, behind, count)] = 1.0
    return np.stack([values, markers], axis=2), (values * markers).sum(axis=1)


def copy_memory(count: int, delay: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Sequences (count, delay + 20, 9), and the class to be said at each step, (count, delay + 20).

    Shown are ten of 8 symbols, then blanks, a delimiter before the last ten steps, and blanks; to be said are blanks,
    and behind the delimiter the ten symbols. Class 0 is the blank, shown as zeros; other classes and the delimiter are
    shown one-hot. Without memory the best cross entropy is 10 ln 8 / (delay + 20).
    """
    symbols = rng.integers(1, SYMBOLS + 1, (count, COPIED))
    shown = np.full((count, delay + 2 * COPIED), BLANK)
    said = shown.copy()
    shown[:, :COPIED] = said[:, -COPIED:] = symbols
    shown[:, -COPIED - 1] = DELIMITER
    return np.eye(DELIMITER + 1, dtype=np.float32)[shown][..., 1:], said


def adding_network(setting: Setting) -> keras.Model:
    """From (batch, any number of steps, 2) to (batch,). Channels are brought to a similar size by fixed numbers."""
    sequence = layers.Input((None, 2))
    channels = layers.Normalization(mean=[0.5, 0.0], variance=[1 / 12, 1 / 30])(sequence)
    state = _state(channels, setting, every_segment=False)
    return _compiled(keras.Model(sequence, layers.Reshape(())(layers.Dense(1)(state))), setting, "mse")


def copy_network(setting: Setting) -> keras.Model:
    """From (batch, any number of steps, 9) to logits of the same shape: every state gives those of its segment."""
    sequence = layers.Input((None, DELIMITER))
    states = _state(sequence, setting, every_segment=True)
    said = layers.Reshape((-1, SYMBOLS + 1))(layers.Dense(setting.segment * (SYMBOLS + 1))(states))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return _compiled(keras.Model(sequence, said), setting, loss)


def train_and_test(task: Task, setting: Setting, seed: int) -> Result:
    """Train on sequences that are drawn as they are needed, and test on others."""
    keras.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    started = time.perf_counter()
    model = task.network(setting)
    for length, steps in setting.stages:
        for _ in range(steps):
            model.train_on_batch(*task.draw(setting.batch, length, rng))
    seconds = time.perf_counter() - started
    loss = float(model.evaluate(*task.draw(TEST_SEQUENCES, task.length, rng), batch_size=250, verbose=0))
    return Result(loss, model.count_params(), seconds)


def table(task: Task, names: list[str], seeds: int) -> Iterator[str]:
    """The lines of a table, each as soon as it is known."""
    yield "| network | segment | weights | lengths: training steps | batch | seconds, median | loss by seed |"
    yield "|---|---:|---:|---|---:|---:|---|"
    for name in names:
        setting = task.settings[name]
        results = [train_and_test(task, setting, seed) for seed in range(seeds)]
        stages = ", ".join(f"{length}: {steps:,}" for length, steps in setting.stages)
        seconds = float(np.median([result.seconds for result in results]))
        losses = ", ".join(f"{result.loss:.2g}" for result in results)
        yield (
            f"| {name} | {setting.segment} | {results[0].weights:,} | {stages} | {setting.batch} | {seconds:.0f}"
            f" | {losses} |"
        )


def _state(channels: keras.KerasTensor, setting: Setting, *, every_segment: bool) -> keras.KerasTensor:
    """The recurrence over segments: its last state, or all of them."""
    if setting.embedding:
        channels = layers.Dense(setting.embedding, activation="tanh")(channels)
    segments = layers.Reshape((-1, setting.segment * channels.shape[-1]))(channels)
    start = {}
    if setting.identity:
        small = keras.initializers.VarianceScaling(0.1, "fan_avg", "uniform")
        start = {"recurrent_initializer": "identity", "kernel_initializer": small}
    states = layers.SimpleRNN(setting.units, return_sequences=every_segment, **start)(segments)
    return layers.LayerNormalization()(states) if setting.normed else states


def _compiled(model: keras.Model, setting: Setting, loss: object) -> keras.Model:
    falling = keras.optimizers.schedules.CosineDecay(setting.learning_rate, setting.training_steps)
    optimizer = keras.optimizers.Adam(falling, global_clipnorm=CLIP_NORM)
    model.compile(optimizer, loss, jit_compile=keras.backend.backend() == "jax")
    return model


def _growing(steps: int, last: int) -> Stages:
    """Delays from 100 to 1,000, each half as long again as the one before: as many as a network carries on from."""
    return ((100, 1000), *((length, steps) for length in (160, 240, 360, 540, 760)), (1000, last))


TASKS = {
    "adding": Task(
        "adding problem, 600 steps, mean squared error",
        600,
        adding_problem,
        adding_network,
        memoryless=1 / 6,
        settings={
            "segments": Setting(10, 64, ((60, 4000), (200, 2500), (600, 3000)), 256, 2e-3, embedding=8, identity=True),
            "stock, growing lengths": Setting(1, 64, ((60, 2000), (200, 600), (600, 300)), 128, 1e-3),
            "stock": Setting(1, 64, ((600, 500),), 128, 1e-3),
        },
    ),
    "copy": Task(
        "copy memory, 1,000 steps, cross entropy",
        1000,
        copy_memory,
        copy_network,
        memoryless=COPIED * float(np.log(SYMBOLS)) / (1000 + 2 * COPIED),
        settings={
            "segments": Setting(20, 128, _growing(200, 400), 64, 2e-3, identity=True, normed=True),
            "stock, growing lengths": Setting(1, 128, _growing(100, 100), 64, 1e-3),
            "stock": Setting(1, 128, ((1000, 300),), 64, 1e-3),
        },
    ),
}


def main() -> None:
    """Train every network from every seed and print a table for each task."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", choices=TASKS, help="by default both")
    parser.add_argument("--network", choices=TASKS["adding"].settings, help="by default all")
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    print(f"Keras {keras.__version__} on {keras.backend.backend()}, {os.cpu_count()} cores")
    for name in [arguments.task] if arguments.task else TASKS:
        task = TASKS[name]
        print(f"\n{task.name}; without memory {task.memoryless:.4f}\n")
        for line in table(task, [arguments.network] if arguments.network else list(task.settings), arguments.seeds):
            print(line, flush=True)


if __name__ == "__main__":
    main()
