"""Loss-based reweighting where it comes from: a tiny language model on texts of which some lines are shuffled.

    python examples/pretrain_reweighted.py [--steps 400] [--shuffled 0,0.3]

A causal model of two layers with random weights learns the messages of examples/ letter by letter, with every strategy
of `mislabel.methods.loss_reweighting`: the function that weighs rows of a classifier weighs texts here, each by the
mean loss of its letters. The first tenth of the steps counts all texts the same. Perplexity, of a letter, is that of
texts that were held out, none of them shuffled.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional
from transformers import GPT2Config, GPT2LMHeadModel

from mislabel.methods.loss_reweighting import Strategy, loss_weights

MESSAGES = Path(__file__).parent / "messages" / "messages.csv"
LENGTH, BATCH, END = 96, 32, 0
STRATEGIES: tuple[Strategy | None, ...] = (None, "upper", "quadratic", "extremes")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--shuffled", default="0,0.3", help="Shares of the texts whose letters are shuffled.")
    parser.add_argument("--temperature", type=float, default=1.0)
    given = parser.parse_args()
    torch.set_num_threads(1)  # tiny tensors only wait for a second one
    texts = pd.read_csv(MESSAGES)["text"].drop_duplicates().tolist()
    held_out, training = encoded(texts[::5]), [text for k, text in enumerate(texts) if k % 5]
    print("| shuffled | uniform | upper | quadratic | extremes |\n|---|---|---|---|---|")
    for share in map(float, given.shuffled.split(",")):
        rows = encoded(shuffled(training, share))
        models = [pretrained(rows, strategy, given.steps, given.temperature) for strategy in STRATEGIES]
        found = [perplexity(model, held_out) for model in models]
        print(f"| {share:.0%} | {' | '.join(f'{value:.2f}' for value in found)} |", flush=True)


def shuffled(texts: list[str], share: float) -> list[str]:
    """The texts, so many of them with their letters in any order."""
    random = np.random.default_rng(0)
    chosen = set(random.permutation(len(texts))[: round(share * len(texts))].tolist())
    return ["".join(random.permutation(list(text))) if k in chosen else text for k, text in enumerate(texts)]


def encoded(texts: list[str]) -> Tensor:
    """Bytes of each text, (n, LENGTH) int64, filled up with END."""
    rows = torch.full((len(texts), LENGTH), END)
    for row, text in zip(rows, texts, strict=True):
        letters = list(text.encode()[:LENGTH])
        row[: len(letters)] = torch.tensor(letters)
    return rows


def batches(rows: Tensor, steps: int) -> Iterator[Tensor]:
    random = torch.Generator().manual_seed(0)
    for _ in range(steps):
        yield rows[torch.randperm(len(rows), generator=random)[:BATCH]]


def pretrained(rows: Tensor, strategy: Strategy | None, steps: int, temperature: float) -> GPT2LMHeadModel:
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=256, n_positions=LENGTH, n_embd=64, n_layer=2, n_head=4, bos_token_id=END, eos_token_id=END,
        resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
    )  # fmt: skip
    model = GPT2LMHeadModel(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for step, batch in enumerate(batches(rows, steps)):
        losses = losses_of(model, batch)
        if strategy is None or step < steps // 10:
            loss = losses.mean()
        else:
            loss = (loss_weights(losses, strategy, temperature) * losses).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model.eval()


def losses_of(model: GPT2LMHeadModel, rows: Tensor) -> Tensor:
    """The mean loss of each text's letters and its end, (b,)."""
    logits, following = model(rows).logits[:, :-1], rows[:, 1:]
    each = functional.cross_entropy(logits.transpose(1, 2), following, reduction="none")
    counts = (rows[:, :-1] != END).float()
    return (each * counts).sum(1) / counts.sum(1)


def perplexity(model: GPT2LMHeadModel, rows: Tensor) -> float:
    with torch.no_grad():
        return float(losses_of(model, rows).mean().exp())


if __name__ == "__main__":
    main()
