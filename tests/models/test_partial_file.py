"""A file that is filled in any order and knows what it has."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptlathe.models import partial_file
from promptlathe.models.partial_file import PartialFile

BLOCK = 10


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partial_file, "BLOCK_BYTES", BLOCK)
    monkeypatch.setattr(partial_file, "PIECE_BLOCKS", 3)


@pytest.mark.parametrize(
    ("size", "pieces"),
    [
        (0, []),
        (1, [(0, 1)]),
        (10, [(0, 10)]),
        (30, [(0, 30)]),
        (31, [(0, 30), (30, 31)]),
        (95, [(0, 30), (30, 60), (60, 90), (90, 95)]),
    ],
)
def test_pieces(tmp_path: Path, size: int, pieces: list[tuple[int, int]]) -> None:
    file = PartialFile(tmp_path / "sub/x", size)
    assert file.missing() == pieces
    for start, stop in pieces:
        file.write(start, bytes([65]) * (stop - start))
        file.note(start, stop)
    assert (file.missing(), file.done_bytes) == ([], size)
    file.finish()
    assert (tmp_path / "sub/x").read_bytes() == b"A" * size
    assert [path.name for path in (tmp_path / "sub").iterdir()] == ["x"]


def test_only_whole_blocks_count(tmp_path: Path) -> None:
    file = PartialFile(tmp_path / "x", 25)
    file.note(10, 19)
    assert file.done_bytes == 0
    file.note(10, 25)
    assert (file.done_bytes, file.missing()) == (15, [(0, 10)])


@settings(max_examples=60, deadline=None)
@given(blocks=st.sets(st.integers(0, 24), min_size=1), kept=st.integers(0, 60))
def test_after_a_kill_no_block_is_claimed_that_was_not_written(
    tmp_path_factory: pytest.TempPathFactory, blocks: set[int], kept: int
) -> None:
    """The journal cut off anywhere, as a kill would, then written on: what it names was written."""
    target = tmp_path_factory.mktemp("kill") / "x"
    file = PartialFile(target, 250)
    for block in blocks:
        file.note(block * BLOCK, block * BLOCK + BLOCK)
    journal = target.with_name("x.blocks")
    journal.write_bytes(journal.read_bytes()[:kept])
    PartialFile(target, 250).note(70, 80)
    missing = PartialFile(target, 250).missing()
    claimed = {block for block in range(25) if not any(a <= block * BLOCK < b for a, b in missing)}
    assert claimed <= blocks | {7}


def test_journal_of_another_size_is_not_believed(tmp_path: Path) -> None:
    file = PartialFile(tmp_path / "x", 95)
    file.note(0, 95)
    assert PartialFile(tmp_path / "x", 94).done_bytes == 0
    file.discard()
    assert list(tmp_path.iterdir()) == []
