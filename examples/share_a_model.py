"""A model that leaves without its data: a folder with a model card, and, where a name is given, the hub.

    python examples/share_a_model.py [--out demo-run/shared] [--push USER/NAME]

No row is in what is shared. `--push` opens a connection, with the token of `hf auth login` or HF_TOKEN; nothing else
here does.
"""

import argparse
import shutil
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from mislabel import FeatureClassifier


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("demo-run/shared"))
    parser.add_argument("--push", metavar="USER/NAME", help="upload it there")
    given = parser.parse_args()
    random = np.random.default_rng(0)
    points, gold = load_digits(return_X_y=True)
    label = np.where(random.random(len(gold)) < 0.3, random.integers(0, 10, len(gold)), gold)
    classifier = FeatureClassifier(method="ido", seed=0).fit(points[:1200], label[:1200])

    shutil.rmtree(given.out, ignore_errors=True)
    classifier.save_pretrained(given.out)
    print((given.out / "README.md").read_text(encoding="utf-8"))
    theirs = FeatureClassifier.from_pretrained(given.out)
    print(f"right on unseen digits: {np.mean(theirs.predict(points[1200:]) == gold[1200:]):.3f}")
    if given.push:
        print(f"uploaded to {classifier.push_to_hub(given.push, private=True)}")


if __name__ == "__main__":
    main()
