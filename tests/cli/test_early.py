"""What is wrong with a command line is told before anything is imported that takes time."""

import subprocess
import sys

import pytest

SLOW = ("pandas", "torch", "scipy", "sklearn", "matplotlib", "transformers", "urllib.request")


@pytest.mark.parametrize("ending", ["csv", "parquet", "jsonl"])
def test_a_wrong_column_is_told_without_pandas(tmp_path, environment, toy_file, ending):
    from mislabel.tables import read_table, write_table

    path = tmp_path / f"toy.{ending}"
    write_table(read_table(toy_file), path)
    code = (
        "import sys\nfrom mislabel.cli import main\n"
        f"sys.argv = ['mislabel', 'audit', {str(path)!r}, '--text', 'texd', '--label', 'label', '--out', 'run']\n"
        "try:\n    main()\nexcept SystemExit as end:\n"
        f"    print(end.code, [name for name in {SLOW} if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert 'no text column "texd" (did you mean "text"?)' in done.stderr
    assert done.stdout == "2 []\n"
    assert not (tmp_path / "run").exists()
