"""Nothing needs POSIX to be imported, and what only POSIX has is asked for before it is used."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "src" / "mislabel"
MODULES = ("crypt", "fcntl", "grp", "nis", "posix", "pty", "pwd", "readline", "resource", "spwd", "syslog", "termios",
           "tty")  # fmt: skip
NAMES = {
    "os": ("chown", "confstr", "fchmod", "fchown", "fork", "forkpty", "getegid", "geteuid", "getgid", "getloadavg",
           "getpgid", "getuid", "initgroups", "killpg", "lchown", "major", "mkfifo", "mknod", "nice", "openpty",
           "posix_fadvise", "posix_fallocate", "posix_spawn", "pread", "pwrite", "register_at_fork",
           "sched_getaffinity", "setegid", "seteuid", "setgid", "setpgid", "setsid", "setuid", "statvfs", "sync",
           "sysconf", "uname", "wait", "waitid", "O_CLOEXEC", "O_DIRECTORY", "O_NOFOLLOW", "O_NONBLOCK", "WNOHANG"),
    "signal": ("SIGALRM", "SIGCHLD", "SIGCONT", "SIGHUP", "SIGKILL", "SIGPIPE", "SIGQUIT", "SIGSTOP", "SIGTSTP",
               "SIGUSR1", "SIGUSR2", "SIGWINCH", "alarm", "pause", "pthread_kill", "pthread_sigmask", "setitimer",
               "siginterrupt", "sigpending", "sigtimedwait", "sigwait"),
    "socket": ("AF_UNIX", "SO_REUSEPORT"),
    "time": ("clock_gettime", "tzset"),
}  # fmt: skip

# Once with everything, so that other packages are there; then this one alone, anew, without what POSIX has.
IMPORT_EVERYTHING = """
import builtins, importlib, sys

posix, names, modules = {posix!r}, {names!r}, {modules!r}
for name in modules:
    importlib.import_module(name)
for name in [name for name in sys.modules if name.split(".")[0] == "mislabel"]:
    del sys.modules[name]
for module, parts in names.items():
    known = importlib.import_module(module)
    for part in parts:
        if hasattr(known, part):
            delattr(known, part)
everything = builtins.__import__

def without_posix(name, globals=None, *rest, **more):
    ours = (globals or {{}}).get("__name__", "").split(".")[0] == "mislabel"
    if ours and name.split(".")[0] in posix:
        raise ImportError(f"{{name}} is not on this platform, and {{globals['__name__']}} imports it")
    return everything(name, globals, *rest, **more)

builtins.__import__ = without_posix
for name in modules:
    importlib.import_module(name)
{more}
"""


def run_without_posix(modules: list[str], more: str = "") -> str:
    """What Python says that imports these modules where POSIX is missing, and then does more."""
    script = IMPORT_EVERYTHING.format(posix=MODULES, names=NAMES, modules=modules, more=more)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=PACKAGE.parent)
    return done.stdout + done.stderr


def all_modules() -> list[str]:
    paths = (path.relative_to(PACKAGE.parent).with_suffix("") for path in sorted(PACKAGE.rglob("*.py")))
    return [".".join(path.parts).removesuffix(".__init__") for path in paths]


@pytest.mark.slow
def test_every_module_is_imported_without_posix_and_tells_its_memory():
    modules = all_modules()
    assert len(modules) > 200
    asks = "from mislabel.run.about import process_peak_mb\nassert process_peak_mb() > 10"
    assert run_without_posix(modules, asks) == ""


def test_an_import_of_what_only_posix_has_is_seen():
    said = run_without_posix(["mislabel.errors"], "exec('import fcntl', {'__name__': 'mislabel.errors'})")
    assert "fcntl is not on this platform, and mislabel.errors imports it" in said
    said = run_without_posix(["mislabel.errors"], "import signal; signal.SIGKILL")
    assert "no attribute 'SIGKILL'" in said


def unguarded(source: str) -> list[str]:
    """The names of POSIX that a module uses without asking whether they are there, with their lines."""
    tree = ast.parse(source)
    asked = {(ast.unparse(call.args[0]), ast.literal_eval(call.args[1])) for call in ast.walk(tree)
             if isinstance(call, ast.Call) and ast.unparse(call.func) in ("hasattr", "getattr")
             and isinstance(call.args[1], ast.Constant)}  # fmt: skip
    return [
        f"{node.lineno}: {ast.unparse(node)}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr in NAMES.get(ast.unparse(node.value), ())
        and (ast.unparse(node.value), node.attr) not in asked
    ]


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("import os\nos.posix_fallocate(1, 0, 9)", ["2: os.posix_fallocate"]),
        ("import os\nif hasattr(os, 'posix_fallocate'):\n    os.posix_fallocate(1, 0, 9)", []),
        ("import signal\nsignal.signal(signal.SIGINT, signal.SIG_DFL)", []),
        ("import signal\nsignal.signal(signal.SIGHUP, signal.SIG_DFL)", ["2: signal.SIGHUP"]),
    ],
)
def test_what_is_used_without_being_asked_for_is_seen(source, lines):
    assert unguarded(source) == lines


def test_what_only_posix_has_is_asked_for():
    found = {path.relative_to(PACKAGE).as_posix(): unguarded(path.read_text(encoding="utf-8"))
             for path in PACKAGE.rglob("*.py")}  # fmt: skip
    assert {name: lines for name, lines in found.items() if lines} == {}
