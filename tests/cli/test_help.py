"""`lathe --help` answers at once: nothing heavy is imported before it is needed."""

import subprocess
import sys

import pytest

HEAVY = (
    "alembic",
    "httpx2",
    "numpy",
    "openvino",
    "openvino_genai",
    "prompt_toolkit",
    "psutil",
    "scipy",
    "sqlalchemy",
)
PROGRAM = f"""
import sys
from promptlathe.cli.main import main
try:
    main()
finally:
    heavy = sorted(set({HEAVY!r}) & set(sys.modules))
    sys.exit(f"imported: {{', '.join(heavy)}}" if heavy else 0)
"""


@pytest.mark.parametrize("arguments", [["--help"], ["chat", "--help"], ["doctor", "--help"], ["--version"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    ran = subprocess.run([sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout
