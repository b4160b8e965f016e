"""Records of servers that are this process, or none."""

from datetime import UTC, datetime

from promptlathe.server.processes.record import ServerRecord


def a_record(name: str = "tiny", **changes: object) -> ServerRecord:
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
