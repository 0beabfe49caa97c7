"""Suite files: those that ship, one's own, and what is said of a wrong one."""

import tomllib

import pytest

from mislabel.bench.specs import all_methods, read_spec, read_specs
from mislabel.bench.suites import SHIPPED, read_suite, shipped_suites
from mislabel.errors import InputError
from mislabel.methods import METHODS


def test_suites_that_ship():
    assert shipped_suites() == ["image-real", "quick", "text-real", "text-synthetic"]
    for name in shipped_suites():
        suite, raw = read_suite(name), tomllib.loads((SHIPPED / f"{name}.toml").read_text(encoding="utf-8"))
        assert suite.name == name
        assert [one.name for one in suite.data] == [one["name"] for one in raw["data"]]
        assert suite.title
        assert suite.notes
    assert [one.name for one in read_suite("text-real").data] == [
        "wrench_trec", "wrench_semeval", "wrench_chemprot", "agnews",
    ]  # fmt: skip
    assert {one.builtin for one in read_suite("quick").data} == {"digits", "messages"}


def test_one_of_ones_own(blob_suite):
    suite = read_suite(str(blob_suite))
    assert (suite.name, suite.title, suite.seeds, suite.methods) == ("blobs", "Blobs", 2, ("ce", "gold"))
    planted, real = suite.data
    assert (planted.modality, planted.column, planted.files) == ("features", "x*", ("blobs.csv",))
    assert planted.noise == {"kind": "sym", "rate": 0.3}
    assert (real.given, real.run) == ("given", {"batch_size": 16})
    assert suite.with_data(["real"]) == (real,)
    with pytest.raises(InputError, match="""no data 'reel' .did you mean "real"."""):
        suite.with_data(["reel"])


def test_a_setting_of_the_command_line_wins(blob_suite):
    suite = read_suite(str(blob_suite))
    changed = suite.with_run(batch_size=8, tune=None)
    assert changed.run == {"batch_size": 8}
    assert changed.data[1].run == {}
    assert changed.fingerprint != suite.fingerprint


def test_balance_is_a_setting_of_a_suite_and_of_its_data(blob_suite):
    text = blob_suite.read_text().replace("batch_size = 16", 'balance = "half"') + '\n[run]\nbalance = "classes"\n'
    blob_suite.write_text(text)
    suite = read_suite(str(blob_suite))
    assert (suite.run, suite.data[1].run) == ({"balance": "classes"}, {"balance": "half"})
    blob_suite.write_text(text.replace('"classes"', '"class"'))
    with pytest.raises(InputError, match="balance is 'class'"):
        read_suite(str(blob_suite))


def test_the_fingerprint_is_that_of_results(blob_suite):
    text, before = blob_suite.read_text(), read_suite(str(blob_suite)).fingerprint
    blob_suite.write_text(text.replace("Points", "Dots").replace("seeds = 2", "seeds = 5").replace('"gold"', '"ido"'))
    assert read_suite(str(blob_suite)).fingerprint == before
    changes = ["rate = 0.4 }", "rate = 0.3 }\ntrusted = 9", 'rate = 0.3 }\nclasses = ["a", "b", "c"]']
    for change in changes:
        blob_suite.write_text(text.replace("rate = 0.3 }", change))
        assert read_suite(str(blob_suite)).fingerprint != before
    blob_suite.write_text(text.replace("rate = 0.3 }", "rate = 0.3 }\ntrusted = 0\nclasses = []"))
    assert read_suite(str(blob_suite)).fingerprint == before


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("seeds = 2", "sedes = 2", ["blobs.toml", "unknown key 'sedes'", 'did you mean "seeds"']),
        ("noise = {", "niose = {", ["data planted", "unknown key 'niose'", 'did you mean "noise"']),
        ("batch_size = 16", "batchsize = 16", ["data real", "unknown setting 'batchsize'", '"batch_size"']),
        ("batch_size = 16", "batch_size = 0", ["batch_size is 0"]),
        ("seeds = 2", "seeds = 0", ["seeds is 0"]),
        ('name = "real"', 'name = "planted"', ["'planted' more than once"]),
        ('name = "real"', 'name = "re al"', ["letters, digits"]),
        ('given = "given"\n', "", ["data real", "give one of given", "noise"]),
        ('files = "blobs.csv"', "", ["data planted", "where are the data"]),
        ('files = "blobs.csv"', 'builtin = "digit"', ["builtin is 'digit'", "digits"]),
        ('features = "x*"', "", ["exactly one of text, image and features"]),
        ('kind = "sym", ', "", ["noise needs a kind"]),
        ('given = "given"', 'given = "given"\nsources = "by_*"', ["give one of given"]),
        ('given = "given"', 'sources = "by_*"\naggregate = "mean"', ["aggregate is 'mean'", "majority"]),
        ("seeds = 2", "seeds = = 2", ["no TOML file"]),
        ("[[data]]", "[[dota]]", ["names no data"]),
        ('given = "given"', 'given = "given"\ntrusted = "9"', ["data real", "trusted is '9'", "whole number"]),
        ('given = "given"', 'given = "given"\ntrusted = -9', ["trusted is -9"]),
        ('given = "given"', 'given = "given"\ntrusted = true', ["trusted is True"]),
        ('given = "given"', 'given = "given"\nclasses = "a,b"', ["data real", "classes is 'a,b'", "a list of names"]),
        ('given = "given"', 'given = "given"\nclasses = [0, 1]', ["classes is (0, 1)", "a list of names"]),
        ('given = "given"', 'given = "given"\nclasses = ["a", ""]', ["a list of names"]),
        ('given = "given"', 'given = "given"\nclasses = ["a"]', ["at least two names"]),
        ('given = "given"', 'given = "given"\nclasses = ["a", "b", "a"]', ["each of them once"]),
        ("batch_size = 16", 'describe = "a.toml"', ["data real", "unknown setting 'describe'"]),
    ],
)
def test_what_is_said_of_a_wrong_one(blob_suite, old, new, words):
    blob_suite.write_text(blob_suite.read_text().replace(old, new))
    with pytest.raises(InputError) as caught:
        read_suite(str(blob_suite))
    for word in words:
        assert word in str(caught.value)


def test_names_that_are_not_known(tmp_path):
    with pytest.raises(InputError, match="""no suite 'quik' .did you mean "quick"."""):
        read_suite("quik")
    with pytest.raises(InputError, match="there is no suite file"):
        read_suite(str(tmp_path / "none.toml"))
    with pytest.raises(InputError, match="""method 'idoo' is not known .did you mean "ido"."""):
        read_spec("idoo")
    with pytest.raises(InputError, match="'label_wave' is not of the form name=value"):
        read_spec("ce:label_wave")
    with pytest.raises(InputError, match="cleanlab takes no options"):
        read_spec("cleanlab:folds=3")


def test_methods_with_options():
    spec = read_spec("ce:stop=label_wave;epochs=3")
    assert (spec.method, spec.options, spec.oracle) == ("ce", {"stop": "label_wave", "epochs": 3}, False)
    told = read_spec("ce:epochs=oracle")
    assert told.oracle
    assert told.with_rate(0.25) == {"epochs": 0.25}
    names = [read_spec(one).file_name for one in ("ce", "ce:epochs=3", "ce:epochs=3;stop=last", "ce:epochs=3.5")]
    assert names[:2] == ["ce", "ce.epochs=3"]
    assert len(set(names)) == 4
    assert not any(set(name) & set("/\\:;*?") for name in names)


def test_all_is_every_method_once_and_the_yardsticks():
    methods = [one.text for one in read_specs(["all", "ido"])]
    assert len(methods) == len(set(methods))
    assert set(METHODS) | {"gold", "cleanlab", "ce:stop=label_wave"} <= set(methods)
    assert methods == all_methods()
