"""How many packages, and megabytes on disk, an installation of mislabel takes, with each of its extras.

    python tools/install_sizes.py

Goes by what is installed beside it: run it where all extras are, as after `make .venv/.ready`.
"""

import sys
from importlib.metadata import PackageNotFoundError, distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

EXTRAS = ("", "review", "train", "train,review", "train,image,review", "lora")


def main() -> None:
    print("| install | packages | MB |\n|---|---|---|")
    for extras in EXTRAS:
        found = closure(set(filter(None, extras.split(","))))
        size = sum(map(bytes_of, found)) / 1e6
        print(f"| `mislabel{f'[{extras}]' if extras else ''}` | {len(found)} | {size:,.0f} |")


def closure(extras: set[str]) -> set[str]:
    """The names of all packages that this one needs, itself included."""
    found, waiting = {}, [("mislabel", frozenset(extras))]
    while waiting:
        name, wanted = waiting.pop()
        if wanted <= found.get(name, frozenset()) and name in found:
            continue
        found[name] = found.get(name, frozenset()) | wanted
        try:
            needs = distribution(name).requires or []
        except PackageNotFoundError:
            sys.exit(f"{name} is not installed: run this where all extras are")
        for need in map(Requirement, needs):
            if need.marker is None or any(need.marker.evaluate({"extra": extra}) for extra in (*wanted, "")):
                waiting.append((canonicalize_name(need.name), frozenset(need.extras)))
    return set(found)


def bytes_of(name: str) -> int:
    """What the files of a package take."""
    files = distribution(name).files or []
    return sum(path.stat().st_size for file in files if (path := distribution(name).locate_file(file)).is_file())


if __name__ == "__main__":
    main()
