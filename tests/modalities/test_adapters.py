"""Adapters of networks: what trains, what is saved, and that both ways back give the same logits."""

import builtins
import json
import pickle

import numpy as np
import peft
import pytest
import torch
import transformers as library
from model_kinds import KINDS, make_model

from mislabel.errors import InputError, RunError
from mislabel.modalities.adapters import TEXTS, Adapters, add_adapters, like_saved
from mislabel.modalities.image.models import load_image_classifier
from mislabel.modalities.text.models import TextNetwork, layout_of, load_classifier, load_tokenizer
from mislabel.training.branches import Branches, last_linear

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")  # of peft
LABELS = ["a", "b", "c"]
# What is to train beside the adapters, and which layers get them, by the names that transformers gives them.
WHOLE = {"bert": ["bert.pooler", "classifier"], "distilbert": ["classifier", "pre_classifier"],
         "deberta": ["classifier", "pooler"], "t5": ["classification_head"], "bart": ["classification_head"],
         "xlnet": ["logits_proj", "sequence_summary"], "mpnet": ["classifier"], "roberta": ["classifier"]}  # fmt: skip
LAYERS = {"bert": {"query", "value"}, "llama": {"q_proj", "v_proj"}, "gpt2": {"c_attn"}, "gemma": {"q_proj", "v_proj"},
          "qwen3": {"q_proj", "v_proj"}, "bloom": {"query_key_value"},
          "distilbert": {"q_lin", "k_lin", "v_lin", "out_lin", "lin1", "lin2"}}  # fmt: skip
EVERY = [kind if kind in ("bert", "qwen3") else pytest.param(kind, marks=pytest.mark.sweep) for kind in KINDS]


def adapted(folder, rank=4):
    """A network with adapters, the pad token of its tokenizer, and its layout."""
    pad = load_tokenizer(folder).pad_token_id
    classifier = load_classifier(folder, LABELS, new_head=True, pad=pad)
    layout = layout_of(classifier)
    return TextNetwork(classifier, add_adapters(classifier, rank, folder, TEXTS)), pad, layout


def some_tokens(pad, layout):
    """Three rows of other lengths, with what the network wants at an end."""
    rows = [[5, 7, 9, 8, 6], [10, 8], [12]]
    rows = [[*row, layout.end] if layout.end is not None else row for row in rows]
    longest = max(map(len, rows))
    tokens, mask = (torch.zeros(3, longest, dtype=torch.int64) for _ in range(2))
    tokens[:] = pad
    for place, row in enumerate(rows):
        part = slice(longest - len(row), longest) if layout.left else slice(len(row))
        tokens[place, part], mask[place, part] = torch.tensor(row), 1
    return {"input_ids": tokens, "attention_mask": mask}


def shaken(network, seed=0):
    """The network after some training, as far as one sees: what trains is no more what it was."""
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in network.parameters():
            if weight.requires_grad:
                weight += 0.1 * torch.randn(weight.shape, generator=random)
    return network.eval()


@pytest.mark.parametrize("kind", EVERY)
def test_both_ways_back_give_the_same_logits(kind, tmp_path):
    """Merged in plain transformers, and the adapter on the base model by peft; and the base model is untouched."""
    folder = make_model(kind, tmp_path / "base")
    network, pad, layout = adapted(folder)
    tokens = some_tokens(pad, layout)
    with torch.inference_mode():
        untouched = network.eval()(tokens)
        plain = TextNetwork(load_classifier(folder, LABELS, pad=pad)).eval()
        plain.classifier.load_state_dict(
            {name.replace(".base_layer", "").replace(".original_module", ""): value
             for name, value in network.classifier.state_dict().items()
             if "lora_" not in name and "modules_to_save" not in name}
        )  # fmt: skip
        torch.testing.assert_close(untouched, plain(tokens))  # B starts at 0
        wanted = shaken(network)(tokens)
    assert (wanted - untouched).abs().max() > 1e-3
    network.adapters.save(tmp_path / "saved")
    names = {path.relative_to(tmp_path / "saved").as_posix() for path in (tmp_path / "saved").rglob("*")}
    adapter = {"adapter", "adapter/adapter_config.json", "adapter/adapter_model.safetensors"}
    assert names == {"config.json", "model.safetensors", *adapter}
    make = library.AutoModelForSequenceClassification
    merged = make.from_pretrained(tmp_path / "saved", trust_remote_code=False).eval()
    assert not any("lora" in name for name in merged.state_dict())
    base = make.from_pretrained(folder, num_labels=3, pad_token_id=pad, trust_remote_code=False)
    again = peft.PeftModel.from_pretrained(base, tmp_path / "saved" / "adapter").eval()
    with torch.inference_mode():
        torch.testing.assert_close(merged(**tokens).logits, wanted, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(again(**tokens).logits, wanted, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(network(tokens), wanted, atol=0, rtol=0)  # saving left it as it was


@pytest.mark.parametrize("kind", EVERY)
def test_what_trains_is_adapters_and_head(kind, tmp_path):
    network, pad, layout = adapted(make_model(kind, tmp_path / "base"))
    before = {name: value.clone() for name, value in network.named_parameters()}
    logits = network.train()(some_tokens(pad, layout))
    logits.square().sum().backward()
    moved = {name for name, value in network.named_parameters() if value.grad is not None}
    assert moved == {name for name, value in network.named_parameters() if value.requires_grad}
    heads = {name.split(".modules_to_save")[0] for name in moved if "modules_to_save" in name}
    assert heads == {f"classifier.{name}" for name in WHOLE.get(kind.split(",")[0], ["score"])}
    layers = {name.split(".lora_")[0].split(".")[-1] for name in moved if "lora_" in name}
    assert layers == LAYERS.get(kind.split(",")[0], layers)
    assert {name for name in moved if "lora_" not in name and "modules_to_save" not in name} == set()
    last = last_linear(network)
    assert last is not None
    assert last.weight.requires_grad
    torch.optim.SGD([value for value in network.parameters() if value.requires_grad], lr=1.0).step()
    assert {name for name, value in network.named_parameters() if not value.equal(before[name])} <= moved


def test_the_note_counts_what_trains(tiny_encoder):
    """Two layers of BERT with 32 numbers a token: A and B of query and value, the pooler, the head."""
    network, *_ = adapted(tiny_encoder, rank=3)
    count = 2 * 2 * (3 * 32 + 32 * 3) + (32 * 32 + 32) + (32 * 3 + 3)
    assert count == sum(value.numel() for value in network.parameters() if value.requires_grad)
    assert network.adapters is not None
    assert f"Adapters of rank 3 on 4 layers, and the head, are trained: {count:,} of " in network.adapters.note


def test_the_state_is_what_trains_and_fits_a_new_network(tiny_encoder):
    """Two networks, as several methods have them; the base model is not in what a checkpoint or an epoch keeps."""
    one, other = (Branches([adapted(tiny_encoder)[0] for _ in range(2)]) for _ in range(2))
    for seed, network in enumerate(one.networks):
        shaken(network, seed)
    state = one.state_dict()
    assert set(state) == {name for name, value in one.named_parameters() if value.requires_grad}
    assert sum(value.numel() for value in state.values()) < 0.5 * sum(value.numel() for value in one.parameters())
    tokens = {"input_ids": torch.tensor([[5, 70, 80]]), "attention_mask": torch.ones(1, 3, dtype=torch.int64)}
    other.load_state_dict(state)
    with torch.inference_mode():
        torch.testing.assert_close(other.eval()(tokens)[0], one.eval()(tokens)[0], atol=0, rtol=0)
    del state["networks.0.classifier.classifier.modules_to_save.default.bias"]
    with pytest.raises(RuntimeError, match="Missing key.*modules_to_save.default.bias"):
        other.load_state_dict(state)
    again = pickle.loads(pickle.dumps(one))
    assert set(again.state_dict()) == set(one.state_dict())
    with torch.inference_mode():
        torch.testing.assert_close(again.eval()(tokens)[0], one(tokens)[0], atol=0, rtol=0)


def test_a_frozen_stage_trains_the_last_layer_alone(tiny_encoder):
    branches = Branches([adapted(tiny_encoder)[0]])
    branches.freeze()
    trained = {name for name, value in branches.named_parameters() if value.requires_grad}
    assert trained == {
        f"networks.0.classifier.classifier.modules_to_save.default.{name}" for name in ("weight", "bias")
    }


def test_images(image_models, tmp_path):
    """A ViT has layers to adapt, and a ResNet has none but its head."""
    classifier = load_image_classifier(image_models["vit"], LABELS, new_head=True)
    adapters = add_adapters(classifier, 4, image_models["vit"])
    assert isinstance(adapters, Adapters)
    shaken(classifier)
    pixels = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        wanted = classifier(pixel_values=pixels).logits
        adapters.save(tmp_path / "saved")
        make = library.AutoModelForImageClassification
        merged = make.from_pretrained(tmp_path / "saved", trust_remote_code=False).eval()
        torch.testing.assert_close(merged(pixel_values=pixels).logits, wanted, atol=1e-5, rtol=1e-5)
    resnet = load_image_classifier(image_models["resnet"], LABELS, new_head=True)
    with pytest.raises(InputError, match="has none but its head: use --tune full, or a --backbone that is a transf"):
        add_adapters(resnet, 4, image_models["resnet"])


def test_without_peft_the_command_that_installs_it_is_told(tiny_encoder, monkeypatch):
    plain = builtins.__import__

    def without(name, *rest, **named):
        if name.split(".")[0] == "peft":
            raise ImportError(name)
        return plain(name, *rest, **named)

    classifier = load_classifier(tiny_encoder, LABELS, new_head=True)
    monkeypatch.setattr(builtins, "__import__", without)
    assert add_adapters(classifier, None, tiny_encoder) is None
    with pytest.raises(InputError, match='needs peft, which is not installed: pip install "mislabel\\[lora\\]"'):
        add_adapters(classifier, 8, tiny_encoder)


def test_the_saved_settings_are_read_back(tiny_encoder, tmp_path):
    network, *_ = adapted(tiny_encoder, rank=5)
    assert network.adapters is not None
    network.adapters.save(tmp_path)
    path = tmp_path / "adapter" / "adapter_config.json"
    kept = json.loads(path.read_text())
    assert kept["base_model_name_or_path"] == tiny_encoder
    assert (kept["r"], kept["lora_alpha"], kept["target_modules"]) == (5, 10, ["query", "value"])
    classifier = load_classifier(tiny_encoder, LABELS, new_head=True)
    again = TextNetwork(classifier, like_saved(classifier, tmp_path, tiny_encoder))
    shapes = [{name: value.shape for name, value in one.state_dict().items()} for one in (network, again)]
    assert shapes[0] == shapes[1]
    for change in ({"target_modules": ["elsewhere"]}, {"target_modules": "(a+)+b"}, {"r": 0}, {"r": 10**9}):
        path.write_text(json.dumps(kept | change))
        with pytest.raises(RunError, match="adapter_config.json cannot be read"):
            like_saved(load_classifier(tiny_encoder, LABELS, new_head=True), tmp_path, tiny_encoder)
    del kept["r"]
    path.write_text(json.dumps(kept))
    with pytest.raises(RunError, match="adapter_config.json cannot be read"):
        like_saved(load_classifier(tiny_encoder, LABELS, new_head=True), tmp_path, tiny_encoder)


def test_no_hub_is_asked_when_adapters_are_saved(tiny_encoder, tmp_path, monkeypatch):
    """By itself peft asks whether the base model's vocabulary is still the same."""
    from peft.utils import save_and_load

    def asked(*_, **__):
        raise AssertionError("the hub was asked")

    monkeypatch.setattr(save_and_load, "check_file_exists_on_hf_hub", asked)
    classifier = load_classifier(tiny_encoder, LABELS, new_head=True)
    adapters = add_adapters(classifier, 2, "somebody/elsewhere", TEXTS)
    assert adapters is not None
    adapters.save(tmp_path)
    assert json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())["base_model_name_or_path"] == (
        "somebody/elsewhere"
    )
    assert np.isfinite(classifier(torch.tensor([[5, 6]])).logits.detach().numpy()).all()
