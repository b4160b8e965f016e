"""Records of servers that are this process, or none."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from promptlathe.server.processes.record import ServerRecord, Servers

MakeRecord = Callable[..., ServerRecord]


@pytest.fixture
def servers(tmp_path: Path) -> Servers:
    return Servers(tmp_path / "servers")


@pytest.fixture
def make_record() -> MakeRecord:
    def make(name: str = "tiny", **changes: object) -> ServerRecord:
        record = ServerRecord(
            name=name,
            model="tiny",
            digest="0" * 64,
            context_length=2048,
            engine="openvino",
            engine_reason="a test",
            url="http://127.0.0.1:9",
            port=9,
            pid=1,
            machine="here",
            started_at=datetime(2026, 1, 1, tzinfo=UTC),
            grace_s=30.0,
            has_key=False,
            is_detached=True,
        )
        return record.model_copy(update=changes)

    return make
