"""Settings: wrong names and values are refused, with the nearest name or the range."""

import pytest

from mislabel.errors import InputError
from mislabel.methods.ce import CE
from mislabel.methods.ido import IDO
from mislabel.run.defaults import effective
from mislabel.run.settings import RunConfig
from mislabel.settings import declarations, make_settings
from mislabel.training.training_settings import TrainingSettings


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"tune": "half"}, "tune is 'half', needed one of full, head"),
        ({"precision": "fp16"}, """precision is 'fp16' .did you mean "bf16".., needed one of auto, bf16, fp32"""),
        ({"device": "tpu"}, "device is 'tpu'"),
        ({"batch_size": 0}, "batch_size is 0, needed 1 to"),
        ({"batch_size": 2.5}, "batch_size is 2.5, needed a whole number"),
        ({"learning_rate": 0}, "learning_rate is 0, needed 1e-09 to 10"),
        ({"learning_rate": "fast"}, "learning_rate is 'fast', needed a number"),
        ({"learning_rate": float("nan")}, "learning_rate is nan"),
        ({"weight_decay": -0.1}, "weight_decay is -0.1"),
        ({"warmup": 1.0}, "warmup is 1.0, needed 0 to 0.99"),
        ({"balance": "class"}, """balance is 'class' .did you mean "classes".., needed one of none, half, classes"""),
        ({"seed": -1}, "seed is -1"),
        ({"seed": True}, "seed is True"),
        ({"max_length": 3}, "max_length is 3, needed 4 to"),
    ],
)
def test_settings_out_of_range_are_named(settings, message):
    with pytest.raises(InputError, match=message):
        RunConfig(**settings)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"warm_epoch": 3}, """IDO has no option 'warm_epoch' .did you mean "warm_epochs"?"""),
        ({"zzz": 3}, "IDO has no option 'zzz'; choose one of warm_epochs, robust_epochs"),
        ({"warm_epochs": 2.5}, "warm_epochs is 2.5, needed a whole number"),
        ({"warm_epochs": "many"}, "warm_epochs is 'many', needed a whole number"),
        ({"confidence": "no"}, "confidence is 'no', needed true or false"),
        ({"scope": "row"}, "scope is 'row', needed one of global, class"),
    ],
)
def test_options_of_a_method_are_checked(options, message):
    with pytest.raises(InputError, match=message.replace("?", r"\?")):
        make_settings(IDO, options)


def test_defaults_that_are_told_are_those_in_effect():
    """Where a default depends on nothing but whether a recipe says otherwise."""
    config = effective(RunConfig(), "text", 1000)
    for name in ("optimizer", "weight_decay", "momentum", "schedule", "floor", "warmup", "clip"):
        value = getattr(config, name)
        assert value == getattr(TrainingSettings(), name)
        assert declarations(RunConfig)[name].shown_default == (value if isinstance(value, str) else f"{value:g}")


def test_the_loop_has_the_same_choices():
    ours, loop = declarations(RunConfig), declarations(TrainingSettings)
    for name in ours.keys() & loop.keys():
        assert (ours[name].type, ours[name].choices) == (loop[name].type, loop[name].choices)
        assert ours[name].setting.help == loop[name].setting.help != ""
        assert (ours[name].setting.low, ours[name].setting.high) == (loop[name].setting.low, loop[name].setting.high)
        assert ours[name].default in (None, loop[name].default)


def test_options_not_named_keep_their_defaults():
    assert make_settings(IDO, {"warm_epochs": 7}) == IDO(warm_epochs=7)
    assert make_settings(CE, {}) == CE()
