"""A log that rotates, with what is written past Python, and whoever reads it meanwhile."""

import subprocess
import sys
from pathlib import Path

import pytest

from promptlathe.server.processes.log import READY
from promptlathe.server.processes.reading import follow, last_lines

WRITER = r"""
import os, subprocess, sys
from pathlib import Path
from promptlathe.server.processes.log import ServerLog
print("before", flush=True)
log = ServerLog(Path(sys.argv[1]), "started", max_bytes=int(sys.argv[3]))
print("loading", flush=True)
if sys.argv[2] == "fails":
    sys.exit("error: it cannot be loaded")
subprocess.run([sys.executable, "-c", "import os; os.write(2, b'the engine said this \\xff\\n')"], check=True)
print("many lines\n" * 2000, end="", flush=True)  # the last of them are on their way when the launcher is left
log.ready()
for number in range(int(sys.argv[2])):
    print("line", number, "x" * 40, file=(sys.stdout, sys.stderr)[number % 2], flush=True)
print("the end", end="")
"""


def write(path: Path, how: str, *, max_bytes: int = 1_000_000) -> tuple[int, bytes]:
    """Exit code, and what the launcher got."""
    ran = subprocess.run(
        [sys.executable, "-c", WRITER, str(path), how, str(max_bytes)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    return ran.returncode, ran.stdout


def test_the_launcher_is_told_and_then_left(tmp_path: Path) -> None:
    log = tmp_path / "tiny.log"
    code, said = write(log, "2")
    assert (code, said.startswith(b"before\nloading\n")) == (0, True)
    assert said.endswith(READY)
    assert b"line 0" not in said
    lines = last_lines(log, 3000)
    assert lines == [
        "started",
        "loading",
        "the engine said this \ufffd",
        *["many lines"] * 2000,
        f"line 0 {'x' * 40}",
        f"line 1 {'x' * 40}",
        "the end",
    ]


def test_a_server_that_does_not_start_says_so_to_both(tmp_path: Path) -> None:
    code, said = write(tmp_path / "tiny.log", "fails")
    assert (code, said) == (1, b"before\nloading\nerror: it cannot be loaded\n")
    assert last_lines(tmp_path / "tiny.log", 1) == ["error: it cannot be loaded"]


def test_it_rotates_and_is_read_through_its_files(tmp_path: Path) -> None:
    log = tmp_path / "tiny.log"
    write(log, "400", max_bytes=2000)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tiny.log", "tiny.log.1", "tiny.log.2"]
    assert all(path.stat().st_size <= 2000 for path in tmp_path.iterdir())
    read = last_lines(log, 61)
    assert [line.split()[1] for line in read[:-1]] == [str(number) for number in range(340, 400)]
    assert read[-1] == "the end"


class Written:
    """A log that is written to each time its reader rests: what was not written yet is in `left`."""

    def __init__(self, path: Path, left: list[list[bytes]]) -> None:
        self.path, self.left = path, left

    def sleep(self, _seconds: float) -> None:
        for written in self.left.pop(0):
            if written == b"ROTATE":
                for number in (1, 0):
                    older = self.path.with_name(f"{self.path.name}.{number}") if number else self.path
                    if older.exists():
                        older.replace(self.path.with_name(f"{self.path.name}.{number + 1}"))
                self.path.touch()
            else:
                with self.path.open("ab") as log:
                    log.write(written)

    def is_alive(self) -> bool:
        return bool(self.left)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ([], []),
        ([[b"three\n"], [b"four\n"]], ["three", "four"]),
        ([[b"thr"], [b"ee\xe8\xaf"], [b"\xad\n"]], ["three语"]),
        ([[b"three\n", b"ROTATE", b"four\n"], [b"five\n"]], ["three", "four", "five"]),
        ([[b"three\n", b"ROTATE", b"four\n", b"ROTATE", b"five\n"]], ["three", "four", "five"]),
        ([[b"three\n", b"ROTATE"], [], [b"ROTATE"], [b"four\n"]], ["three", "four"]),
        ([[b"a\n", *[b"ROTATE"] * 3, b"four\n"]], ["a", "four"]),
    ],
    ids=["ended", "grows", "in parts", "rotates", "rotates twice", "is empty", "rotates away"],
)
def test_following(tmp_path: Path, written: list[list[bytes]], read: list[str]) -> None:
    log = Written(tmp_path / "tiny.log", list(written))
    (tmp_path / "tiny.log.1").write_bytes(b"zero\none\n")
    log.path.write_bytes(b"two\n")
    assert list(follow(log.path, 2, is_alive=log.is_alive, sleep=log.sleep)) == ["one", "two", *read]


def test_a_launcher_that_does_not_read_holds_nothing_up(tmp_path: Path) -> None:
    """Its pipe is full long before the server is ready."""
    program = WRITER.replace('print("loading"', 'print("y" * 200_000)\nprint("loading"')
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "tiny.log"), "1", "1000000"], stdout=subprocess.PIPE
    ) as process:
        assert process.wait(30) == 0
    assert last_lines(tmp_path / "tiny.log", 1) == ["the end"]


def test_no_log(tmp_path: Path) -> None:
    assert last_lines(tmp_path / "tiny.log", 5) == []
