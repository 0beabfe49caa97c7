"""Scikit-learn's 1,797 handwritten digits, with 40 % of the training labels wrong: as images, or as a table of pixels.

    python examples/digits.py                 images, plain training and IDO side by side (`make demo-images`)
    python examples/digits.py --write FOLDER  FOLDER/images/CLASS/*.png and FOLDER/digits.csv, as README needs them

How likely a label is to be wrong differs from digit to digit, and which wrong one it gets hangs on the picture. A
quarter of the digits keep their labels, as a test.
"""

import argparse
import io
from pathlib import Path

import numpy as np
import pandas as pd
from demo import side_by_side
from PIL import Image
from sklearn.datasets import load_digits

from mislabel.modalities.loading import load_dataset
from mislabel.noise import corrupt_table

ENLARGED = 4  # 8 x 8 pixels a digit become 32 x 32


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", type=Path, help="write the digits here, and train nothing")
    parser.add_argument("--out", type=Path, default=Path("demo-run/digits"))
    given = parser.parse_args()
    frame, pixels = noisy_digits()
    if given.write:
        write(frame, pixels, given.write)
        return
    frame["image"] = [picture(one) for one in pixels]
    columns = {"image": "image", "label": "noisy_label", "gold": "label", "id": "id", "split": "split"}
    dataset = load_dataset(frame, **columns)
    side_by_side(dataset, columns, "noisy_label", given.out, scratch="resnet-small", resolution=16, lengthen=4.0)


def noisy_digits(seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Columns id, label, split and noisy_label, and the pixels, (n, 8, 8) with values of 0 to 16."""
    digits = load_digits()
    test = np.random.default_rng(seed).random(len(digits.target)) < 0.25
    frame = pd.DataFrame(
        {
            "id": [f"digit-{k:04d}" for k in range(len(test))],
            "label": [f"digit {code}" for code in digits.target],
            "split": np.where(test, "test", "train"),
        }
    )
    looks = {"inputs_features": digits.data, "features_name": "pixels"}
    noisy, _ = corrupt_table(frame, label="label", kind="idn", rate=0.4, seed=seed, split="split", **looks)
    return noisy, digits.images


def picture(pixels: np.ndarray) -> bytes:
    """One digit as PNG."""
    grey = Image.fromarray((pixels * 255 / 16).astype(np.uint8))
    side, buffer = ENLARGED * len(pixels), io.BytesIO()
    grey.resize((side, side), Image.Resampling.BICUBIC).save(buffer, "PNG")
    return buffer.getvalue()


def write(frame: pd.DataFrame, pixels: np.ndarray, folder: Path) -> None:
    """The same digits three times: a folder of class folders, a table of their paths, and a column per pixel."""
    names = []
    for place, row in enumerate(frame.itertuples()):
        path = folder / "images" / row.split / row.noisy_label / f"{row.id}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(pixels[place]))
        names.append(path.relative_to(folder).as_posix())
    flat = pixels.reshape(len(frame), -1).astype(int)
    columns = pd.DataFrame(flat, columns=[f"pixel_{k:02d}" for k in range(flat.shape[1])])
    pd.concat([frame.assign(file=names), columns], axis=1).to_csv(folder / "digits.csv", index=False)


if __name__ == "__main__":
    main()
