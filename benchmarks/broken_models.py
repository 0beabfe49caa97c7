"""Model folders that are broken, cut, odd or hostile, each of which gets one sentence and exit code 2.

    python benchmarks/broken_models.py            prints how many were tried on `audit`, and how many got their sentence

An attack is a name, what it does to a good folder, and a pattern of what must be said of it. The good folders are a
text encoder and an image classifier with random weights, made here. `tests/modalities/test_model_folder.py` runs all.
"""

import json
import re
import shutil
import struct
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 123456\n"
SAFE, INDEX = "model.safetensors", "model.safetensors.index.json"
CODE = "from pathlib import Path\nPath({marker!r}).write_text('run')\nraise SystemExit('a stranger was here')\n"

Attack = Callable[[Path], object]
BROKEN_TEXT: dict[str, tuple[Attack, str]] = {}
BROKEN_IMAGE: dict[str, tuple[Attack, str]] = {}


def both(name: str, attack: Attack, said: str) -> None:
    """An attack on either kind of folder."""
    BROKEN_TEXT[name] = BROKEN_IMAGE[name] = attack, said


# --- Hands


def change(file: str, **values: Any) -> Attack:
    """Set keys of a JSON file."""

    def attack(folder: Path) -> None:
        content = json.loads((folder / file).read_text())
        (folder / file).write_text(json.dumps(content | values))

    return attack


def drop(file: str, *keys: str) -> Attack:
    def attack(folder: Path) -> None:
        content = json.loads((folder / file).read_text())
        (folder / file).write_text(json.dumps({key: value for key, value in content.items() if key not in keys}))

    return attack


def write(file: str, content: str | bytes) -> Attack:
    data = content.encode() if isinstance(content, str) else content
    return lambda folder: (folder / file).write_bytes(data)


def remove(*patterns: str) -> Attack:
    return lambda folder: [path.unlink() for pattern in patterns for path in folder.glob(pattern)]


def cut(file: str, keep: Callable[[bytes], bytes]) -> Attack:
    return lambda folder: (folder / file).write_bytes(keep((folder / file).read_bytes()))


def then(*attacks: Attack) -> Attack:
    return lambda folder: [attack(folder) for attack in attacks]


def tensors(edit: Callable[[dict[str, Any]], dict[str, Any]]) -> Attack:
    """Store other weights."""

    def attack(folder: Path) -> None:
        from safetensors.torch import load_file, save_file

        kept = edit(load_file(folder / SAFE))
        save_file({name: value.contiguous() for name, value in kept.items()}, folder / SAFE, metadata={"format": "pt"})

    return attack


def one_number(number: float) -> Attack:
    def edit(weights: dict[str, Any]) -> dict[str, Any]:
        name = max(
            (name for name in weights if weights[name].is_floating_point()), key=lambda one: weights[one].numel()
        )
        weights[name].view(-1)[-1] = number
        return weights

    return tensors(edit)


def transposed(weights: dict[str, Any]) -> dict[str, Any]:
    return {name: value.transpose(0, -1) if value.ndim > 1 else value for name, value in weights.items()}


def as_pickle(folder: Path) -> None:
    import torch
    from safetensors.torch import load_file

    torch.save(load_file(folder / SAFE), folder / "pytorch_model.bin")
    (folder / SAFE).unlink()


def index(*names: str) -> Attack:
    """Weights in pieces, as an index says."""

    def attack(folder: Path) -> None:
        (folder / SAFE).rename(folder / "part.safetensors")
        content = {"metadata": {}, "weight_map": {f"tensor.{k}": name for k, name in enumerate(names)}}
        (folder / INDEX).write_text(json.dumps(content))

    return attack


def header(content: bytes) -> bytes:
    return struct.pack("<Q", len(content)) + content


def inside(inner: str) -> Attack:
    """Everything one folder deeper, as libraries for sentence embeddings keep it."""

    def attack(folder: Path) -> None:
        files = list(folder.iterdir())
        (folder / inner).mkdir()
        for path in files:
            path.rename(folder / inner / path.name)
        (folder / "modules.json").write_text(json.dumps([{"idx": 0, "path": inner, "type": "a.Transformer"}]))

    return attack


def into_file(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_text("not a folder")


def more_tokens(folder: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    tokenizer.add_tokens(["refund", "parcel"])
    tokenizer.save_pretrained(folder)


# --- Files of every model

CONFIG = "config.json"
DEEP = "[" * 100_000 + "]" * 100_000
both("no config", remove(CONFIG), "has no config.json")
both("an empty config", write(CONFIG, ""), "config.json is empty")
both("a config that is a list", write(CONFIG, "[]"), "config.json holds a list")
both("a config that is text", write(CONFIG, '"bert"'), "config.json holds a str")
both("a config that is no JSON", write(CONFIG, "{'model_type': bert"), "config.json is damaged")
both("a config that is no text", write(CONFIG, b"\xff\xfe\x00{}"), "config.json is damaged")
both(
    "a config of thirty megabytes", write(CONFIG, '{"a": "' + "x" * 30_000_000 + '"}'), "config.json has 30000009 bytes"
)
both("a deep config", write(CONFIG, DEEP), "config.json is damaged")
both("a config in git-lfs", write(CONFIG, LFS), "config.json is a git-lfs pointer")
both("an unknown type", change(CONFIG, model_type="stranger"), "stranger")
both("no type", drop(CONFIG, "model_type"), "model_type")
both("a type that is a list", change(CONFIG, model_type=["bert"]), ".")
both("a type that is a number", change(CONFIG, model_type=7), ".")
both("another type", change(CONFIG, model_type="gpt2"), ".")
both("an unknown activation", change(CONFIG, hidden_act="magic"), "magic")
both("an odd dtype", change(CONFIG, dtype="float7"), "float7")
both("no weights", remove(SAFE), "has no model.safetensors")
both("empty weights", write(SAFE, ""), "model.safetensors is empty")
both("weights in git-lfs", write(SAFE, LFS), "model.safetensors is a git-lfs pointer")
both("half of the weights", cut(SAFE, lambda data: data[: len(data) // 2]), "cut or damaged")
both("weights short of a byte", cut(SAFE, lambda data: data[:-1]), "cut or damaged")
both("weights with a byte too many", cut(SAFE, lambda data: data + b"x"), "cut or damaged")
both("weights cut in their header", cut(SAFE, lambda data: data[:40]), "is cut, or no safetensors file")
both("five bytes of weights", cut(SAFE, lambda data: data[:5]), "is cut, or no safetensors file")
both("noise for weights", write(SAFE, bytes(range(256)) * 40), "is cut, or no safetensors file")
both("a header without JSON", write(SAFE, header(b"{nothing}")), "header of model.safetensors is damaged")
both("a header that is a list", write(SAFE, header(b"[1, 2]")), "header of model.safetensors is damaged")
both("a header of odd entries", write(SAFE, header(b'{"a": {"shape": 3}}')), "header of model.safetensors is damaged")
both("a header of nothing", write(SAFE, header(b"{}")), "holds no weights")
both("tensors that overlap", write(SAFE, header(
    b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
) + b"1234"), ".")  # fmt: skip
both("a tensor of an unknown type", write(SAFE, header(
    b'{"a":{"dtype":"F9","shape":[1],"data_offsets":[0,4]}}'
) + b"1234"), ".")  # fmt: skip
both("weights of another model", tensors(lambda weights: {f"other.{k}": v for k, v in weights.items()}), "do not fit")
both("transposed weights", tensors(transposed), ".")
both("NaN among the weights", one_number(float("nan")), "NaN or infinity")
both("infinity among the weights", one_number(float("inf")), "NaN or infinity")
both("weights as pickle", as_pickle, "never pickle")
both(
    "pickle that names a command",
    then(remove(SAFE), write("pytorch_model.bin", b"cos\nsystem\n(S'true'\ntR.")),
    "pickle",
)
both("weights as gguf", then(remove(SAFE), write("model.gguf", b"GGUF")), "model.gguf")
both("a piece that is missing", index("part.safetensors", "gone.safetensors"), "weight files are missing")
both("a piece that is pickle", then(index("part.bin"), write("part.bin", b"cos\n")), "needed are safetensors files")
both("a piece outside", index("../part.safetensors"), "needed are safetensors files beside it")
both("no piece at all", index(), "needed are safetensors files")
both("an index that is no JSON", then(index(), write(INDEX, "{")), "index.json is damaged")
both(
    "weights by another name, as pickle",
    then(as_pickle, change(CONFIG, transformers_weights="pytorch_model.bin")),
    "weights",
)
both("an adapter", then(remove("*"), write("adapter_config.json", '{"peft_type": "LORA"}')), "holds an adapter")
both("an adapter beside its model", write("adapter_config.json", '{"peft_type": "LORA"}'), "holds an adapter")
both("a folder too high", inside("0_Transformer"), "its folder 0_Transformer has: give that one")
both("nothing", remove("*"), "has no config.json|preprocessor")
both("a file", into_file, "it is a file")

# --- Code. The marker is written if any of it is run

AUTO = {"AutoConfig": "evil.C", "AutoModel": "evil.M", "AutoModelForSequenceClassification": "evil.M",
        "AutoModelForImageClassification": "evil.M", "AutoTokenizer": [None, "evil.T"], "AutoImageProcessor": "evil.P",
        "AutoFeatureExtractor": "evil.P"}  # fmt: skip
RUN = "nothing that is received is ever run"
both("code for a type of its own", change(CONFIG, model_type="stranger", auto_map=AUTO), RUN)
both("code for a known type", change(CONFIG, auto_map=AUTO), RUN)
both("code from another place", change(CONFIG, model_type="x", auto_map={"AutoConfig": "a/b--evil.C"}), RUN)
both("code for a part", change(CONFIG, vision_config={"model_type": "x", "auto_map": AUTO}), RUN)
both("code in a folder inside", lambda folder: [
    (folder / "part").mkdir(), (folder / "part" / "tokenizer_config.json").write_text(json.dumps({"auto_map": AUTO}))
], RUN)  # fmt: skip
both("a kernel", change(CONFIG, attn_implementation="stranger/kernel"), RUN)
both("a kernel for a part", change(CONFIG, text_config={"_attn_implementation": {"": "stranger/kernel"}}), RUN)
both("a checkpoint to unpickle", change(CONFIG, model_args={"checkpoint_path": "/tmp/x.pth"}), RUN)

# --- Texts

NAME, OPTIONS = "tokenizer.json", "tokenizer_config.json"


def text(name: str, attack: Attack, said: str) -> None:
    BROKEN_TEXT[name] = attack, said


for key, value in {"hidden_size": "32", "num_hidden_layers": "two", "intermediate_size": None}.items():
    text(f"{key} {value!r}", change(CONFIG, **{key: value}), ".")
for key, value in {"hidden_size": -1, "vocab_size": 0, "num_attention_heads": 3, "num_attention_heads ": 0,
                   "pad_token_id": 10_000, "max_position_embeddings": 128, "layer_norm_eps": "x",
                   "hidden_size ": 64, "intermediate_size": 48}.items():  # fmt: skip
    text(f"{key.strip()} {value}", change(CONFIG, **{key.strip(): value}), ".")
text("more words than weights", change(CONFIG, vocab_size=10**12), "its weights hold")
text("wider than its weights", change(CONFIG, hidden_size=10**9), "its weights hold")
text("deeper than its weights", change(CONFIG, num_hidden_layers=10**9), "its weights hold")
text("fewer words", change(CONFIG, vocab_size=40), ".")
text("one layer more", change(CONFIG, num_hidden_layers=3), "do not fit its config.json")
text("a tensor that is missing", tensors(
    lambda weights: {name: value for name, value in weights.items() if "layer.0.output.dense.weight" not in name}
), "layer.0.output.dense.weight is missing")  # fmt: skip
text("an image model's config", write(CONFIG, '{"model_type": "resnet"}'), ".")
text("no tokenizer", remove("tokenizer*", "special*", "vocab*"), "its tokenizer is missing")
text("settings of a tokenizer alone", remove(NAME), "its tokenizer is missing")
text("an empty tokenizer", write(NAME, ""), ".")
text("half a tokenizer", cut(NAME, lambda data: data[: len(data) // 2]), ".")
text("a tokenizer in git-lfs", write(NAME, LFS), "tokenizer.json is a git-lfs pointer")
text("a tokenizer that is {}", write(NAME, "{}"), ".")
text("a tokenizer that is a list", write(NAME, "[1]"), ".")
text("a deep tokenizer", write(NAME, DEEP), ".")
text("a tokenizer of no words", lambda folder: change(NAME, added_tokens=[], model={
    "type": "WordLevel", "vocab": {"[UNK]": 0}, "unk_token": "[UNK]"
}, post_processor=None)(folder), ".")  # fmt: skip
text("a tokenizer of other words", lambda folder: change(NAME, normalizer=None, model={
    "type": "WordLevel", "vocab": {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "[MASK]": 4, "qq": 5},
    "unk_token": "[UNK]",
})(folder), "knows no token of any of the")  # fmt: skip
text("tokens without weights", more_tokens, "its tokenizer knows .* tokens and its network")
text("settings of a tokenizer that are a list", write(OPTIONS, "[]"), "tokenizer_config.json holds a list")
text("settings of a tokenizer that are no JSON", write(OPTIONS, "{"), "tokenizer_config.json is damaged")
text("a tokenizer that is a number", change(OPTIONS, tokenizer_class=5), ".")
for name in ("AutoModel", "AutoTokenizer", "RagTokenizer", "pipeline", "BertModel"):
    text(f"{name} for a tokenizer", change(OPTIONS, tokenizer_class=name), RUN)
text(
    "code for the tokenizer", change(OPTIONS, tokenizer_class="Evil", auto_map={"AutoTokenizer": ["evil.T", None]}), RUN
)
text("code for the tokenizer, as it was written once", change(OPTIONS, auto_map=["evil.T", None]), RUN)

# --- Images

PIXELS = "preprocessor_config.json"


def image(name: str, attack: Attack, said: str) -> None:
    BROKEN_IMAGE[name] = attack, said


image("no preprocessor", remove(PIXELS), "preprocessor")
image("an empty preprocessor", write(PIXELS, ""), "preprocessor_config.json is empty")
image("a preprocessor that is a list", write(PIXELS, "[]"), "preprocessor_config.json holds a list")
image("a preprocessor that is no JSON", write(PIXELS, "{"), "preprocessor_config.json is damaged")
image("a preprocessor in git-lfs", write(PIXELS, LFS), "git-lfs")
image("an unknown preprocessor", change(PIXELS, image_processor_type="MagicImageProcessor"), ".")
image("a preprocessor that is a number", change(PIXELS, image_processor_type=3), ".")
for name in ("AutoModel", "AutoImageProcessor", "pipeline"):
    image(f"{name} for a preprocessor", change(PIXELS, image_processor_type=name), RUN)
image("code for the preprocessor", change(PIXELS, image_processor_type="EvilImageProcessor", auto_map=AUTO), RUN)
for size in ({"height": 10**6, "width": 10**6}, {"height": 0, "width": 0}, {"height": -4, "width": 8},
                               {"height": "a", "width": 8}, {"shortest_edge": 10**9}, [3], "large"):  # fmt: skip
    image(f"a size of {size}", change(PIXELS, size=size), ".")
image("a mean of words", change(PIXELS, image_mean=["a", "b", "c"]), ".")
image("a mean of one colour", change(PIXELS, image_mean=[0.5]), ".")
image("a deviation of nothing", change(PIXELS, image_std=[0.0, 0.0, 0.0]), ".")
image("a mean that is no number", change(PIXELS, image_mean=[float("nan")] * 3), ".")
image("grey images", change(CONFIG, num_channels=1), ".")
image("another patch", change(CONFIG, patch_size=4), ".")
image("another width", change(CONFIG, hidden_size=24), ".")
image("wider than its weights", change(CONFIG, hidden_size=10**9), "its weights hold")
image("a text model's config", write(CONFIG, '{"model_type": "bert", "hidden_size": 16}'), ".")
image("one layer more", change(CONFIG, num_hidden_layers=3), "do not fit its config.json")


# --- Good folders, and what an attack came to


def make_text_model(folder: Path) -> Path:
    """A BERT of two layers with random weights for the words of `make_text_data`."""
    import torch
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    transformers.logging.disable_progress_bar()
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(f"word{k}" for k in range(60))]
    tokenizer = Tokenizer(models.WordLevel({word: k for k, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    names = {f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names).save_pretrained(folder)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        BertModel(BertConfig(vocab_size=len(words), hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
                             intermediate_size=64, max_position_embeddings=64)).save_pretrained(folder)  # fmt: skip
    return folder


def make_image_model(folder: Path) -> Path:
    """A ViT of two layers with random weights, for images of 32 x 32 pixels."""
    import torch
    from transformers import ViTConfig, ViTForImageClassification, ViTImageProcessorPil

    with torch.random.fork_rng():
        torch.manual_seed(0)
        ViTForImageClassification(ViTConfig(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, image_size=32,
                                            intermediate_size=32, patch_size=8)).save_pretrained(folder)  # fmt: skip
    ViTImageProcessorPil(size={"height": 32, "width": 32}).save_pretrained(folder)
    return folder


def make_text_data(path: Path) -> list[str]:
    """Thirty texts of two topics; gives the command line's words for them."""
    lines = [f"word{k % 2 * 30 + k % 7} word{k % 2 * 30 + k % 11},{'ab'[k % 2]}" for k in range(30)]
    path.write_text("\n".join(["text,label", *lines]) + "\n")
    return [str(path), "--text", "text", "--label", "label"]


def make_image_data(folder: Path) -> list[str]:
    from PIL import Image

    for k in range(24):
        (folder / "ab"[k % 2]).mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (32, 32), (200 * (k % 2), 3 * k, 90)).save(folder / "ab"[k % 2] / f"{k}.png")
    return [str(folder)]


def hostile_code(folder: Path, marker: Path) -> None:
    """Python beside the model, which leaves a mark when anything runs it."""
    if folder.is_dir():
        (folder / "evil.py").write_text(CODE.format(marker=str(marker)))


def verdict(exit_code: int, said: str, pattern: str) -> str:
    """What is wrong with the answer to an attack; nothing where it held."""
    errors = [line for line in said.splitlines() if line.startswith("error: ")]
    if exit_code != 2 or len(errors) != 1 or "Traceback" in said:
        return f"exit code {exit_code}, {said[-300:]!r}"
    return "" if re.search(pattern, errors[0]) else f"said {errors[0]!r}, needed {pattern!r}"


def main() -> None:
    from typer.testing import CliRunner

    from mislabel.cli import app

    held, broken = 0, []
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        kinds = ((BROKEN_TEXT, make_text_model(home / "text"), make_text_data(home / "texts.csv")),
                 (BROKEN_IMAGE, make_image_model(home / "image"), make_image_data(home / "images")))  # fmt: skip
        for attacks, good, words in kinds:
            for number, (title, (attack, pattern)) in enumerate(attacks.items()):
                folder, marker = home / f"{good.name}-{number}", home / "marker"
                shutil.copytree(good, folder)
                attack(folder)
                hostile_code(folder, marker)
                line = ["audit", *words, "--backbone", str(folder), "--out", str(home / f"run-{good.name}-{number}")]
                done = CliRunner().invoke(app, line, input="y\n" * 9)
                fault = "its code was run" if marker.exists() else verdict(done.exit_code, done.stderr, pattern)
                held += not fault
                broken += [f"{good.name}, {title}: {fault}"] if fault else []
    print(f"Broken model folders: attacked {held + len(broken)}, held {held}.", *broken, sep="\n")


if __name__ == "__main__":
    main()
