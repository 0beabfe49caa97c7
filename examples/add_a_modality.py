"""A kind of input of one's own: short sounds, a fifth of which are labelled wrongly.

Everything that mislabel does with inputs goes through one object, a `Modality`. It needs four things:

1. the inputs of a data set (`Sounds`): rows that can be counted, taken, compared and named in a line,
2. a reader (`SoundReader`): from these inputs to what the network reads, here the loudness of each pitch over time,
3. the modality (`SoundModality`): checks what a user gives, and makes it ready for training,
4. `register`, so that the modality is found by its name. A package does the same by an entry point in its
   pyproject.toml: `[project.entry-points."mislabel.modalities"]`, `sound = "my_package:SOUND"`.

`SoundClassifier` is the estimator on top. The script trains it, prints how well it names sounds that it never heard and
how well it finds the wrong labels, saves the run to the folder `--out`, and loads it again.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from sklearn.metrics import accuracy_score, roc_auc_score

from mislabel.data.inputs import CheckedInputs, RawInputs
from mislabel.data.training_rows import trainable_rows
from mislabel.errors import InputError, some_ids
from mislabel.estimators import RunClassifier
from mislabel.modalities import Modality, Words, register
from mislabel.modalities.heads import load_head, prepare_head, save_head
from mislabel.modalities.vectors import FeatureInputs

SAMPLES = 256  # of each sound
FRAME = 64  # samples: pitch is measured in each frame, else a rising sound would look like a falling one


@dataclass(frozen=True, eq=False)
class Sounds(RawInputs):
    """n sounds: waves (n, 256) float32."""

    waves: np.ndarray
    modality: ClassVar[str] = "sound"

    def __len__(self):
        return len(self.waves)

    def take(self, index):
        return Sounds(self.waves[index])

    def contents(self):
        return (wave.tobytes() for wave in self.waves)

    def caption(self, place):
        return f"loudness {self.waves[place].std():.2f}, peak {np.abs(self.waves[place]).max():.2f}"

    def log_spectra(self):
        """The logarithm of the loudness of each pitch in each frame, (n, 4 * 33) float32."""
        frames = self.waves.reshape(-1, SAMPLES // FRAME, FRAME) * np.hanning(FRAME)
        return np.log(np.abs(np.fft.rfft(frames)) + 1e-3).reshape(len(self), -1).astype(np.float32)


class SoundReader:
    def inputs(self, raw, accelerator, progress=None):
        return FeatureInputs(raw.log_spectra())

    def save(self, folder, network):
        save_head(folder, network, "")
        return {"modality": "sound"}

    def checks(self):
        return {}


class SoundModality(Modality):
    name = "sound"
    words = Words(
        plural="sounds", title="Sound", contained="a line on each sound", whole="full line", other="another sound",
        noise_features="log spectra",
    )  # fmt: skip
    help = "Column of waves, 256 numbers each."

    def check(self, values, ids, name, *, root=None, on_bad="error"):
        other = [row for row, wave in enumerate(values) if np.shape(wave) != (SAMPLES,)]
        if other:
            raise InputError(f"{name}: rows without exactly {SAMPLES} samples: {some_ids(ids[row] for row in other)}")
        waves = np.array([np.asarray(wave, dtype=np.float32) for wave in values])
        broken = np.flatnonzero(~np.isfinite(waves).all(1))
        if len(broken):
            raise InputError(f"{name}: samples are missing or infinite in rows {some_ids(ids[row] for row in broken)}")
        return CheckedInputs(Sounds(waves), empty=~waves.any(1), unreadable=np.zeros(len(waves), dtype=bool), name=name)

    def prepare(self, dataset, settings, accelerator, storage, progress):
        return prepare_head(dataset, trainable_rows(dataset), dataset.inputs.log_spectra(), SoundReader())

    def load_reader(self, folder, about):
        return SoundReader(), load_head(folder, len(about["classes"]))


SOUND = register(SoundModality())


class SoundClassifier(RunClassifier):
    modality = "sound"

    def __init__(self, method=None, options=None, device="auto", seed=0, missing="error", verbose=False):
        self.method, self.options, self.device = method, options, device
        self.seed, self.missing, self.verbose = seed, missing, verbose


def make_sounds(count, random):
    """Waves (count, 256) and what they are: steady, rising or falling, in noise."""
    kinds = random.choice(["steady", "rising", "falling"], count)
    slope = np.select([kinds == "rising", kinds == "falling"], [1, -1], 0) * random.uniform(0.04, 0.12, count)
    middle, phase = random.uniform(0.15, 0.35, (count, 1)), random.uniform(0, 2 * np.pi, (count, 1))
    time = np.arange(SAMPLES) - SAMPLES / 2
    turns = middle * time + slope[:, None] * time**2 / SAMPLES  # pitch in cycles per sample, summed over time
    return np.sin(2 * np.pi * turns + phase) + random.normal(0, 0.4, (count, SAMPLES)), kinds


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("demo-run/add-a-modality"))
    out = parser.parse_args().out
    random = np.random.default_rng(0)
    waves, gold = make_sounds(1500, random)
    new_waves, new_gold = make_sounds(500, random)
    guessed = random.choice(["steady", "rising", "falling"], len(gold))
    given = np.where(random.random(len(gold)) < 0.3, guessed, gold)  # a third of the guesses are right by chance

    classifier = SoundClassifier(seed=1).fit(waves, given)
    predicted = classifier.predict_proba(new_waves)
    print(f"test accuracy: {accuracy_score(new_gold, classifier.predict(new_waves)):.3f}")
    table = classifier.audit_.table  # worst first; `row` says which one it is
    wrong = (given != gold)[table["row"]]
    print(f"AUROC of wrong labels: {roc_auc_score(wrong, table['p_mislabeled']):.3f}")

    classifier.save(out, overwrite=True)
    same = np.array_equal(SoundClassifier.load(out).predict_proba(new_waves), predicted)
    print(f"predictions of the loaded run are equal: {same}")
