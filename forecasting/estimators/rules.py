"""What each parameter of `SimpleRNNForecaster` may be."""

from forecasting.estimators.parameters import (
    Allowed,
    flag,
    names,
    one_of,
    or_none,
    percentages,
    positive,
    seed,
    shares,
    whole,
)
from forecasting.panel.calendar_covariates import CALENDAR_COVARIATES, is_calendar_covariate
from forecasting.targets import WORDS, is_target

_COLUMNS = names(bool, "a list of different names of columns")
FORECASTER_RULES: dict[str, Allowed] = {
    "horizon": whole(1),
    "season_length": or_none(whole(1)),
    "lookback": or_none(whole(2)),
    "levels": or_none(percentages()),
    "irregular": one_of("refuse", "last", "mean"),
    "learned_quantiles": or_none(
        Allowed(
            lambda value: (
                shares().test(value) and all(0.001 <= share <= 0.999 for share in value) and list(value) != [0.5]
            ),
            "a list of different numbers from 0.001 to 0.999, not of 0.5 alone",
        )
    ),
    "gaps": one_of("refuse", "interpolate", "mask"),
    "target": Allowed(is_target, WORDS),
    "covariates": or_none(Allowed(lambda value: isinstance(value, str) and value == "infer", "'infer'")),
    "past_covariates": or_none(_COLUMNS),
    "future_covariates": or_none(_COLUMNS),
    "static_covariates": or_none(_COLUMNS),
    "calendar_covariates": or_none(names(is_calendar_covariate, f"a list of different ones of {CALENDAR_COVARIATES}")),
    "segment_length": or_none(whole(1)),
    "units": whole(1),
    "n_layers": whole(1),
    "linear_skip": flag(),
    "combine_naive": flag(),
    "n_members": whole(1),
    "max_steps": or_none(whole(1)),
    "batch_size": or_none(whole(1)),
    "learning_rate": positive(),
    "clip_norm": positive(),
    "refit": flag(),
    "random_state": or_none(seed()),
    "verbose": whole(0),
}
