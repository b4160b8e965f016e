"""SHA-256 of model files, remembered by size and modification time so that gigabytes are read only once."""

import contextlib
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class DigestCache:
    """Digests already computed, kept as JSON in `file`: path -> [size, mtime in ns, SHA-256].

    Only a cache: a file that is missing, damaged or cannot be written costs time, never an error.
    """

    file: Path

    def sha256(self, path: Path) -> str:
        """Digest of a file; of a folder, the digest of the sorted names and digests of all files in it."""
        if path.is_dir():
            lines = (
                f"{part.relative_to(path).as_posix()} {self._of_file(part)}\n" for part in files_in(path)
            )
            return hashlib.sha256("".join(lines).encode()).hexdigest()
        return self._of_file(path)

    def moved(self, old: Path, new: Path) -> None:
        """What lay below the folder `old` lies below `new` now: its digests stay known."""
        known = self._read()
        for path in [path for path in known if Path(path).is_relative_to(old)]:
            known[str(new / Path(path).relative_to(old))] = known.pop(path)
        self._write(known)

    def _of_file(self, path: Path) -> str:
        path = path.resolve()
        state = path.stat()
        known = self._read()
        match known.get(str(path)):
            case [state.st_size, state.st_mtime_ns, str(digest)]:
                return digest
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        known[str(path)] = [state.st_size, state.st_mtime_ns, digest]
        self._write(known)
        return digest

    def _read(self) -> dict[str, list[int | str]]:
        try:
            known = json.loads(self.file.read_bytes())
        except (OSError, ValueError):
            return {}
        return known if isinstance(known, dict) else {}

    def _write(self, known: dict[str, list[int | str]]) -> None:
        beside = self.file.with_name(f"{self.file.name}.{os.getpid()}")
        with contextlib.suppress(OSError):
            alive = {path: entry for path, entry in known.items() if Path(path).exists()}
            self.file.parent.mkdir(parents=True, exist_ok=True)
            beside.write_text(json.dumps(alive, indent=1), encoding="utf-8")
            beside.replace(self.file)


def git_sha1(path: Path) -> str:
    """The name that git gives a file's content."""
    digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def files_in(folder: Path) -> list[Path]:
    """All files below `folder` in a fixed order, hidden ones left out."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )
