"""Running a program of the tests on the JAX backend, in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any


def answer_on_jax(module: str, *arguments: str) -> dict[str, Any]:
    """What a module prints as one JSON document, when it runs with Keras on JAX."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=Path(__file__).parents[1],
        env={**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    assert answer["backend"] == "jax"
    return answer
