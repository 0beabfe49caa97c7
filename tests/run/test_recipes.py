"""Recipes and what depends on the run: the values that reach config.json, and what wins over what."""

import json
from pathlib import Path

import numpy as np
import pytest

from mislabel.errors import InputError
from mislabel.methods.ido import IDO
from mislabel.modalities.dataset import make_dataset
from mislabel.run.defaults import SCRATCH_LENGTHEN, effective, effective_for
from mislabel.run.recipes import RECIPES, find_recipe
from mislabel.run.settings import RunConfig
from mislabel.run.train_and_judge import training_settings
from mislabel.settings import make_settings

# arXiv 2505.00812 and its code: warm-up epochs of stage 1, epochs of stage 2, batch 128, 224 x 224 pixels.
PUBLISHED = {
    "ido-resnet50": {"optimizer": "adamw", "learning_rate": 1e-3, "weight_decay": 1e-5, "floor": 1e-4,
                     "backbone": "microsoft/resnet-50"},
    "ido-vit-b16": {"optimizer": "sgd", "learning_rate": 1e-2, "weight_decay": 1e-5, "floor": 1e-4,
                    "backbone": "google/vit-base-patch16-224"},
    "ido-convnext-b": {"optimizer": "adamw", "learning_rate": 1e-4, "weight_decay": 1e-4, "floor": 1e-5,
                       "backbone": "facebook/convnext-base-224"},
}  # fmt: skip
SHARED = {"batch_size": 128, "resolution": 224, "schedule": "cosine", "warmup": 0.0, "momentum": 0.0, "tune": "full"}


def chosen(rows=50_000, modality="image", **settings):
    return effective(RunConfig(**settings), modality, rows)


def test_every_recipe_is_published():
    assert set(RECIPES) == set(PUBLISHED)


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_recipe_fills_in_what_the_user_left_open(name):
    """Whatever the number of rows; and the loop gets the same."""
    for rows in (300, 50_000):
        config = chosen(rows, recipe=name)
        assert {key: getattr(config, key) for key in PUBLISHED[name] | SHARED} == PUBLISHED[name] | SHARED
        options = make_settings(IDO, config.options)
        assert (options.warm_epochs, options.robust_epochs) == (5, 10)
        assert (config.method, options.scope, options.burn_in) == ("ido", "class", 0)
        settings = training_settings(config)
        assert settings.learning_rate == PUBLISHED[name]["learning_rate"]
        assert (settings.schedule, settings.floor, settings.warmup) == ("cosine", PUBLISHED[name]["floor"], 0.0)


def test_what_the_user_says_wins():
    given = {"learning_rate": 5e-4, "batch_size": 64, "resolution": 96, "backbone": "my/model", "momentum": 0.9}
    config = chosen(recipe="ido-vit-b16", **given, options={"warm_epochs": 3, "scope": "global"})
    assert {key: getattr(config, key) for key in given} == given
    assert config.optimizer == "sgd"
    options = make_settings(IDO, config.options)
    assert (options.warm_epochs, options.robust_epochs, options.scope) == (3, 10, "global")


def test_a_recipe_from_random_weights_has_no_backbone():
    config = chosen(recipe="ido-resnet50", scratch="resnet-18")
    assert (config.backbone, config.scratch) == (None, "resnet-18")
    assert config.learning_rate == 1e-3
    assert config.options["warm_epochs"] == 5  # the recipe says it, so it is not lengthened


def test_recipes_are_refused_where_they_do_not_fit():
    with pytest.raises(
        InputError,
        match="""'ido-resnet' is not known .*"ido-resnet50".*; choose one of ido-resnet50, ido-vit-b16""",
    ):
        find_recipe("ido-resnet")
    with pytest.raises(InputError, match="is for method ido, not ce: leave one out"):
        chosen(recipe="ido-vit-b16", method="ce")
    for modality in ("text", "features"):
        with pytest.raises(InputError, match=f"recipe is for images; the inputs are {modality}: leave it out"):
            chosen(modality=modality, recipe="ido-vit-b16")


@pytest.mark.slow
def test_the_settings_in_effect_are_written(photos, image_models, tmp_path, mislabel):
    """Those of the recipe and the user's, of a whole run."""
    few = ["--option", "warm_epochs=1", "--option", "robust_epochs=1", "--resolution", "32", "--batch-size", "40"]
    line = ["train", photos.folder, "--recipe", "ido-convnext-b", "--backbone", image_models["convnext"], *few]
    done = mislabel(*line, "--out", tmp_path / "run", "--json")
    assert done.exit_code == 0, done.stderr
    settings = json.loads((tmp_path / "run" / "config.json").read_text())["settings"]
    wanted = PUBLISHED["ido-convnext-b"] | SHARED | {"backbone": image_models["convnext"], "recipe": "ido-convnext-b"}
    wanted |= {"resolution": 32, "batch_size": 40}
    assert {key: settings[key] for key in wanted} == wanted
    assert settings["options"]["scope"] == "class"
    assert settings["options"]["robust_epochs"] == 1
    assert len(json.loads(done.stdout)["epochs"]) == 2


@pytest.mark.parametrize(
    ("modality", "rows", "settings", "wanted"),
    [
        ("text", 4000, {}, {"batch_size": 32, "learning_rate": 3e-5, "lengthen": 1.0, "schedule": "linear"}),
        ("image", 4000, {}, {"batch_size": 100, "learning_rate": 1e-4, "lengthen": 1.0}),
        ("image", 40_000, {}, {"batch_size": 128, "backbone": "microsoft/resnet-50"}),
        ("image", 100, {}, {"batch_size": 8}),
        ("image", 40_000, {"tune": "head"}, {"batch_size": 100, "learning_rate": 1e-3}),
        ("image", 400, {"scratch": "resnet-small"}, {"learning_rate": 1e-3, "backbone": None}),
        ("features", 400, {}, {"tune": "head", "learning_rate": 1e-3, "batch_size": 10, "backbone": None}),
        ("features", 102_400, {}, {"learning_rate": 1e-3, "batch_size": 256}),
        ("features", 409_600, {}, {"learning_rate": 2e-3, "batch_size": 1024}),
        ("text", 10_000_000, {"tune": "head"}, {"learning_rate": 4e-3, "batch_size": 4096}),
        ("features", 400, {"batch_size": 1024}, {"learning_rate": 2e-3}),
        ("text", 400, {"batch_size": 1024}, {"learning_rate": 3e-5}),
        ("image", 400, {"lengthen": 2, "learning_rate": 0.5}, {"lengthen": 2, "learning_rate": 0.5}),
    ],
)
def test_defaults_that_depend_on_the_run(modality, rows, settings, wanted):
    config = chosen(rows, modality, **settings)
    assert {key: getattr(config, key) for key in wanted} == wanted


@pytest.mark.parametrize(
    ("modality", "settings", "wanted"),
    [
        ("text", {}, "panel"),
        ("text", {"tune": "lora"}, "panel"),
        ("text", {"tune": "head"}, "panel"),
        ("features", {}, "panel"),
        ("image", {}, "ido"),
        ("image", {"tune": "head"}, "panel"),
        ("image", {"scratch": "resnet-small"}, "ido"),
        ("image", {"scratch": "resnet-small", "method": "ce"}, "ce"),
        ("image", {"recipe": "ido-resnet50"}, "ido"),
        ("text", {"method": "dygen"}, "dygen"),
    ],
)
def test_the_method_where_none_is_named(modality, settings, wanted):
    """Panel, but for whole image networks: `benchmarks/results/evidence.md`."""
    assert chosen(modality=modality, **settings).method == wanted


def test_options_of_another_method_than_the_default_are_refused_with_the_default():
    for modality, settings, default in (("text", {"tune": "head"}, "panel"), ("image", {}, "ido")):
        with pytest.raises(InputError, match=f"no --method was named, and {default}, .* has no option 'branches';"):
            chosen(modality=modality, **settings, options={"branches": "heads"})
    with pytest.raises(InputError, match=r"'epoch' .did you mean .epochs"):
        chosen(modality="text", tune="head", options={"epoch": 3})
    assert chosen(modality="text", tune="head", options={"epochs": 3}).options == {"epochs": 3}


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({"lengthen": 5, "tune": "head"}, {"epochs": 25}),
        ({"lengthen": 5, "method": "ido"}, {"warm_epochs": 20, "robust_epochs": 15}),
        ({"lengthen": 1.5, "method": "ido"}, {"warm_epochs": 6, "robust_epochs": 4}),  # 4.5 goes to the even number
        ({"lengthen": 0.1, "method": "ido"}, {"warm_epochs": 1, "robust_epochs": 1}),
        ({"lengthen": 5, "method": "ido", "options": {"warm_epochs": 2}}, {"warm_epochs": 2, "robust_epochs": 15}),
        ({"lengthen": 5, "method": "dygen"}, {"epochs": 25, "distil_epochs": 30}),
        ({"lengthen": 5, "method": "ce"}, {"epochs": 25}),
        ({}, {}),
    ],
)
def test_epochs_are_lengthened_where_they_are_not_named(settings, wanted):
    assert chosen(**settings).options == wanted


def test_a_local_backbone_is_known_by_its_absolute_path(tmp_path, monkeypatch):
    (tmp_path / "models" / "small").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "models")
    monkeypatch.chdir(tmp_path / "models")
    for spelled in ("small", "./small", "../models/small", str(tmp_path / "link" / "small"), Path("small")):
        assert chosen(modality="text", backbone=spelled).backbone == str((tmp_path / "models" / "small").resolve())
    assert chosen(modality="text", backbone="somebody/small").backbone == "somebody/small"


def test_random_weights_train_longer():
    assert SCRATCH_LENGTHEN > 1
    for more, factor in (({}, SCRATCH_LENGTHEN), ({"lengthen": 2}, 2), ({"resolution": 64}, SCRATCH_LENGTHEN)):
        config = chosen(scratch="resnet-small", **more)
        assert config.lengthen == factor
        assert config.options == {"warm_epochs": round(4 * factor), "robust_epochs": round(3 * factor)}


@pytest.mark.parametrize(
    ("modality", "settings", "message"),
    [
        ("image", {"scratch": "resnet-small", "backbone": "microsoft/resnet-50"}, "both given.* Leave one out"),
        ("image", {"scratch": "resnet-small", "tune": "head"}, "scratch has random weights: use tune=full"),
        ("text", {"scratch": "resnet-small"}, "scratch is for images; the inputs are text: leave it out"),
        ("text", {"resolution": 32}, "resolution is for images; the inputs are text: leave it out"),
        ("features", {"resolution": 32}, "resolution is for images; the inputs are features: leave it out"),
        (
            "features",
            {"backbone": "microsoft/resnet-50"},
            "features need no backbone: leave it out",
        ),
        ("features", {"scratch": "resnet-small"}, "scratch is for images"),
    ],
)
def test_settings_that_contradict_each_other_or_the_inputs(modality, settings, message):
    with pytest.raises(InputError, match=message):
        chosen(modality=modality, **settings)


def test_rows_that_do_not_train_do_not_count():
    """The batch size follows the training rows: 40 steps an epoch."""
    pixels = np.random.default_rng(0).integers(0, 256, (2000, 2, 2), dtype=np.uint8)
    for split, wanted in ((None, 50), (["train"] * 800 + ["test"] * 1200, 20)):
        dataset = make_dataset(pixels, [0, 1] * 1000, split=split, modality="image")
        assert effective_for(RunConfig(scratch="resnet-small"), dataset).batch_size == wanted
