"""Models of every kind that reads texts, tiny and with random weights, each with a tokenizer of words."""

from pathlib import Path

import torch
import transformers as library
from tokenizers import Tokenizer, models, pre_tokenizers

SPECIAL = ["<pad>", "<unk>", "<s>", "</s>", "<mask>"]
WORDS = SPECIAL + [f"w{k}" for k in range(45)]
HEADS = {"num_hidden_layers": 1, "num_attention_heads": 2}
SMALL = {"hidden_size": 16, "intermediate_size": 32, **HEADS}
GPT = {"n_layer": 1, "n_head": 2}
ENDS = {"pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3}
BART = {"encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2, "decoder_attention_heads": 2,
        "encoder_ffn_dim": 32, "decoder_ffn_dim": 32, "decoder_start_token_id": 3}  # fmt: skip
KINDS: dict[str, tuple[str, dict]] = {
    "bert": ("Bert", {**SMALL, "max_position_embeddings": 24}),
    "bert, odd": ("Bert", {**SMALL, "max_position_embeddings": 21}),
    "roberta": ("Roberta", {**SMALL, "max_position_embeddings": 26, "pad_token_id": 1}),
    "distilbert": ("DistilBert", {"dim": 16, "n_layers": 1, "n_heads": 2, "hidden_dim": 32,
                                  "max_position_embeddings": 24}),
    "mpnet": ("MPNet", {**SMALL, "max_position_embeddings": 26}),
    "deberta": ("DebertaV2", {**SMALL, "max_position_embeddings": 24, "relative_attention": True, "type_vocab_size": 0,
                              "position_biased_input": False}),
    "gpt2": ("GPT2", {**GPT, "n_embd": 16, "n_positions": 24, "bos_token_id": 2, "eos_token_id": 3}),
    "opt": ("OPT", {**HEADS, **ENDS, "hidden_size": 16, "ffn_dim": 32, "word_embed_proj_dim": 8,
                    "max_position_embeddings": 24}),
    "llama": ("Llama", {**SMALL, "num_key_value_heads": 2, "max_position_embeddings": 24}),
    "qwen2": ("Qwen2", {**SMALL, "num_key_value_heads": 1, "max_position_embeddings": 24}),
    "qwen3": ("Qwen3", {**SMALL, "num_key_value_heads": 1, "head_dim": 8, "max_position_embeddings": 24}),
    "gemma": ("Gemma", {**SMALL, **ENDS, "num_key_value_heads": 1, "head_dim": 8, "max_position_embeddings": 24}),
    "gemma3": ("Gemma3Text", {**SMALL, **ENDS, "num_key_value_heads": 1, "head_dim": 8, "max_position_embeddings": 24}),
    "bloom": ("Bloom", {**GPT, "hidden_size": 16}),
    "t5": ("T5", {**ENDS, "d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 1, "num_heads": 2,
                  "decoder_start_token_id": 0}),
    "bart": ("Bart", {**BART, **ENDS, "d_model": 16, "max_position_embeddings": 24}),
    "xlnet": ("XLNet", {**GPT, **ENDS, "d_model": 16, "d_inner": 32}),
}  # fmt: skip
PADLESS = ("gpt2", "llama", "qwen3")


def make_model(kind: str, folder: Path) -> str:
    """A folder with a model and its tokenizer; those of `PADLESS` have no pad token."""
    library.logging.disable_progress_bar()
    tokenizer = Tokenizer(models.WordLevel({word: k for k, word in enumerate(WORDS)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    names = {"unk_token": "<unk>", "eos_token": "</s>"} | ({} if kind in PADLESS else {"pad_token": "<pad>"})
    if kind == "roberta":
        names["pad_token"] = "<unk>"
    if kind == "qwen2":  # transformers takes no other for it; every character is a token
        characters = {character: k for k, character in enumerate(["<|endoftext|>", "Ġ", "w", *"0123456789"])}
        library.Qwen2Tokenizer(vocab=characters, merges=[]).save_pretrained(folder)
    else:
        library.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names).save_pretrained(folder)
    name, options = KINDS[kind]
    with torch.random.fork_rng():
        torch.manual_seed(1)
        config = getattr(library, f"{name}Config")(vocab_size=len(WORDS), **options)
        getattr(library, f"{name}Model")(config).save_pretrained(folder)
    return str(folder)
