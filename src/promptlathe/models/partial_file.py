"""A file that is filled block by block, in any order, and knows after a kill which blocks it has."""

import threading
from pathlib import Path

BLOCK_BYTES = 4 << 20
PIECE_BLOCKS = 8


class PartialFile:
    """`<target>.part` has the full size from the start (sparse where the disk can); `<target>.blocks` has a line
    for every block that was written. A block is noted after its bytes, so that no kill can make it lie.

    Its methods may be called from several threads at once.
    """

    def __init__(self, target: Path, size_bytes: int) -> None:
        self.target = target
        self.size_bytes = size_bytes
        self._part = target.with_name(f"{target.name}.part")
        self._journal = target.with_name(f"{target.name}.blocks")
        self._lock = threading.Lock()
        target.parent.mkdir(parents=True, exist_ok=True)
        self._done = self._remembered()
        with self._part.open("ab") as part:
            part.truncate(size_bytes)

    @property
    def done_bytes(self) -> int:
        return sum(self._end(block) - block * BLOCK_BYTES for block in self._done)

    def missing(self) -> list[tuple[int, int]]:
        """What is still to come, as ranges of bytes of at most PIECE_BLOCKS blocks."""
        pieces: list[tuple[int, int]] = []
        blocks = 0
        for block in range(-(-self.size_bytes // BLOCK_BYTES)):
            if block in self._done:
                continue
            if pieces and pieces[-1][1] == block * BLOCK_BYTES and blocks < PIECE_BLOCKS:
                pieces[-1] = (pieces[-1][0], self._end(block))
                blocks += 1
            else:
                pieces.append((block * BLOCK_BYTES, self._end(block)))
                blocks = 1
        return pieces

    def write(self, position: int, data: bytes) -> None:
        with self._part.open("r+b") as part:
            part.seek(position)
            part.write(data)

    def note(self, start: int, stop: int) -> None:
        """All bytes from `start`, where a block begins, to `stop` are written: remember the whole blocks."""
        whole = range(start // BLOCK_BYTES, -(-stop // BLOCK_BYTES))
        new = [block for block in whole if self._end(block) <= stop and block not in self._done]
        if new:
            with self._lock, self._journal.open("a", encoding="ascii") as journal:
                journal.write("".join(f"{block}\n" for block in new))
                self._done.update(new)

    def discard(self) -> None:
        self._part.unlink(missing_ok=True)
        self._journal.unlink(missing_ok=True)

    def finish(self) -> None:
        self._part.replace(self.target)
        self._journal.unlink(missing_ok=True)

    def _end(self, block: int) -> int:
        return min((block + 1) * BLOCK_BYTES, self.size_bytes)

    def _remembered(self) -> set[int]:
        """A last line without its end was cut off by a kill: that block counts as missing."""
        has_parts = self._journal.exists() and self._part.exists()
        if not has_parts or self._part.stat().st_size != self.size_bytes:
            self._journal.unlink(missing_ok=True)
            return set()
        whole_lines = self._journal.read_text(encoding="ascii").rpartition("\n")[0].split()
        self._journal.write_text("".join(f"{line}\n" for line in whole_lines), encoding="ascii")
        return {int(line) for line in whole_lines}
