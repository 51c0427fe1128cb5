"""Run with SCIPY_ARRAY_API=1: prints what each check of scikit-learn says of the estimators on windows."""

import sys
import warnings
from collections import Counter

from sklearn.utils.estimator_checks import check_estimator

from forecasting import SimpleRNNClassifier, SimpleRNNRegressor

EXPECTED_FAILURES: dict[str, str] = {}
"""Checks by name, each with the reason why it cannot pass."""


def main() -> None:
    warnings.simplefilter("ignore")
    for kind in (SimpleRNNRegressor, SimpleRNNClassifier):
        results = check_estimator(kind(), on_fail=None, on_skip=None, expected_failed_checks=EXPECTED_FAILURES)
        for result in results:
            reason = (
                "" if result["status"] == "passed" else EXPECTED_FAILURES.get(result["check_name"], result["exception"])
            )
            line = f"{kind.__name__:20} {result['status']:8} {result['check_name']} {reason}"
            sys.stdout.write(line.rstrip() + "\n")
        counts = Counter(result["status"] for result in results)
        sys.stdout.write(f"{kind.__name__}: {', '.join(f'{count} {status}' for status, count in counts.items())}\n")


if __name__ == "__main__":
    main()
