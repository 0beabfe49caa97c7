"""The page's modules as one script."""

import json
import shutil
import subprocess

import pytest

from mislabel.errors import RunError
from mislabel.review.bundle import bundle
from mislabel.review.page_files import read_assets


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no node here")
def test_the_script_does_what_the_modules_do(tmp_path):
    modules = {
        "start.js": (
            "import {\n  double as twice,\n  names,\n} from './double.js';\nimport { half } from '../page/half.js';\n"
            "names.push(`${twice(4)}`);\nconsole.log(JSON.stringify([half(twice(3)), names]));\n"
        ),
        "double.js": "export const names = ['a'];\nexport const double = (value) => value * 2;\nconst own = 1;\n",
        "half.js": (
            "import { names } from './double.js';\nconst own = 2;\n"
            "export async function late() {}\nexport class Half {}\n"
            "export function half(value) {\n  names.push('half');\n  return value / own;\n}\n"
        ),
        "never.js": "throw new Error('nobody needs it');\n",
    }
    script = bundle(modules, "start.js")
    assert "never" not in script
    (tmp_path / "all.js").write_text(script)
    said = subprocess.run(["node", tmp_path / "all.js"], capture_output=True, text=True, check=True).stdout
    assert json.loads(said) == [3, ["a", "8", "half"]]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import x from './x.js';\n", "cannot be put"),
        ("import * as x from './x.js';\n", "cannot be put"),
        ("export { x };\n", "cannot be put"),
        ("export default 1;\n", "cannot be put"),
        ("const x = '</script>';\n", "end of a script"),
        ("const x = '<!--';\n", "end of a script"),
    ],
)
def test_what_it_does_not_know_it_refuses(text, words):
    with pytest.raises(RunError, match=words):
        bundle({"start.js": text}, "start.js")


def test_the_page_is_of_that_form():
    modules = {name: content.decode() for name, (content, _) in read_assets().items() if name.endswith(".js")}
    script = bundle(modules, "start.js")
    assert script.count('modules["') >= 2 * len(modules)
    assert "\nimport " not in script
    assert "\nexport " not in script
