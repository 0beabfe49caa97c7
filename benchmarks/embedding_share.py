"""Of the time that embedding takes, how much the encoder's matrix products are; and what int8 would bring.

    python benchmarks/embedding_share.py --rows 512

The texts are the project's messages, the encoder the packaged MiniLM. Shares are of one run of `outputs` under torch's
profiler: matrix products (addmm, bmm, matmul, attention) and the rest of the network; tokenising and making batches are
timed beside. Dynamic int8 and bf16 are held against float32: speed, and how far embeddings are from its own.
"""

import argparse
import csv
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

MESSAGES = Path(__file__).resolve().parents[1] / "examples" / "messages" / "messages.csv"
PRODUCTS = ("mm", "attention", "linear")


def main() -> None:
    from mislabel.modalities.text.batches import TextInputs
    from mislabel.modalities.text.models import DEFAULT_ENCODER, find_encoder, load_encoder, load_tokenizer
    from mislabel.training.device import make_accelerator
    from mislabel.training.inference import outputs

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=512)
    rows = parser.parse_args().rows
    torch.set_num_threads(1)
    with MESSAGES.open(encoding="utf-8") as file:
        texts = [line["text"] for line in csv.DictReader(file)]
    texts = (texts * (rows // len(texts) + 1))[:rows]
    name = find_encoder(DEFAULT_ENCODER)
    tokenizer = load_tokenizer(name)
    begin = time.process_time()
    inputs = TextInputs(texts, tokenizer, 128)
    tokenising = time.process_time() - begin
    plain = load_encoder(name)

    def embed(network: torch.nn.Module, precision: str = "fp32") -> np.ndarray:
        accelerator = make_accelerator("cpu", precision)
        return outputs(network, inputs, plain.dimension, accelerator, low_precision=precision != "fp32")

    wanted, seconds = timed(lambda: embed(plain))
    print(f"tokenising {tokenising:.2f} s, embedding {seconds:.2f} s of {rows} rows (processor time, one thread)")
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        embed(plain)
    own = {event.key: event.self_cpu_time_total for event in profile.key_averages()}
    products = sum(spent for key, spent in own.items() if any(part in key for part in PRODUCTS))
    print(f"matrix products {products / sum(own.values()):.1%} of what torch computes")
    begin = time.process_time()
    for k in range(0, rows, 128):
        inputs.batch(np.arange(k, min(k + 128, rows)))
    print(f"making batches {(time.process_time() - begin) / seconds:.2%} of embedding")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        small = torch.ao.quantization.quantize_dynamic(load_encoder(name), {torch.nn.Linear}, dtype=torch.qint8)
    kinds: dict[str, Callable[[], np.ndarray]] = {"int8, dynamic": lambda: embed(small)}
    kinds["bf16"] = lambda: embed(plain, "bf16")
    for kind, work in kinds.items():
        try:
            found, spent = timed(work)
        except Exception as error:  # a build or processor that has none
            print(f"{kind}: {type(error).__name__}: {error}")
            continue
        cosine = (found * wanted).sum(1) / np.linalg.norm(found, axis=1) / np.linalg.norm(wanted, axis=1)
        near = f"cosine {cosine.mean():.4f}, least {cosine.min():.4f}"
        print(f"{kind}: {seconds / spent:.2f} x the speed of float32; {near}")


def timed(work: Callable[[], np.ndarray]) -> tuple[np.ndarray, float]:
    """The result, and the least processor time of two runs."""
    spent = []
    for _ in range(2):
        begin = time.process_time()
        result = work()
        spent.append(time.process_time() - begin)
    return result, min(spent)


if __name__ == "__main__":
    main()
