"""The page's modules as one script: each a function of its own, in the order in which they need each other."""

import json
import re
from collections.abc import Mapping
from graphlib import TopologicalSorter

from mislabel.errors import RunError

# As prettier writes them, which the project's check holds.
_IMPORT = re.compile(r"^import \{([^}]*)\} from '\.{1,2}/(?:[\w-]+/)?([\w-]+\.js)';$", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async function|function|class|const) (\w+))", re.MULTILINE)
_LEFT = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)


def bundle(modules: Mapping[str, str], start: str) -> str:
    """One script that does what the module `start` does.

    Parameters
    ----------
    modules : mapping
        The text of each module by its file name. Those that `start` does not need are left out.

    Raises
    ------
    RunError
        If a module imports or exports in a form that is not known here, or what no script in a page may hold.
    """
    needed: dict[str, list[str]] = {}
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed[name] = [found[2] for found in _IMPORT.finditer(modules[name])]
            waiting += needed[name]
    parts = (_function(name, modules[name]) for name in TopologicalSorter(needed).static_order())
    script = "'use strict';\nconst modules = {};\n" + "".join(parts)
    if re.search(r"</script|<!--", script, re.IGNORECASE):
        raise RunError("a module of the review page holds the end of a script: it cannot stand in a file")
    return script


def _function(name: str, text: str) -> str:
    text = _IMPORT.sub(_taken, text)
    exported = _EXPORT.findall(text)
    text = _EXPORT.sub("", text)
    if left := _LEFT.search(text):
        raise RunError(f"{name} says {left[0]!r}, which cannot be put into one script")
    return f"modules[{json.dumps(name)}] = (() => {{\n{text}\nreturn {{ {', '.join(exported)} }};\n}})();\n"


def _taken(found: re.Match[str]) -> str:
    names = found[1].replace(" as ", ": ").replace("\n", " ")
    return f"const {{{names}}} = modules[{json.dumps(found[2])}];"
