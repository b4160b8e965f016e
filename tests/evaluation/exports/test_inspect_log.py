"""Inspect's log: its shape here, and read by Inspect itself where that is installed."""

import json
from pathlib import Path

import pytest

from promptlathe.errors import UsageError
from tests.evaluation.exports.conftest import Exported


def test_verdicts_repeats_and_tokens_have_their_place(exported: Exported) -> None:
    log = json.loads(exported("inspect", {"none": "cw?!"}, repeats=2, count=4))
    assert list(log) == ["version", "status", "eval", "plan", "results", "stats", "samples"]
    assert (log["version"], log["status"], log["eval"]["model"]) == (2, "success", "tiny")
    assert log["results"]["completed_samples"] == 6
    assert log["results"]["scores"][0]["metrics"]["accuracy"]["value"] == pytest.approx(1 / 3)
    samples = log["samples"]
    assert [sample["epoch"] for sample in samples] == [1, 2] * 4
    values = [sample.get("scores", {}).get("promptlathe", {}).get("value") for sample in samples[::2]]
    assert values == ["C", "I", "N", None]
    first, failed = samples[0], samples[-1]
    assert first["output"]["usage"] == {"input_tokens": 120, "output_tokens": 8, "total_tokens": 128}
    assert [message["role"] for message in first["messages"]] == ["system", "user", "assistant"]
    assert first["scores"]["promptlathe"]["answer"] == first["target"]
    assert (failed["error"]["message"], "output" in failed) == ("too long", False)


def test_several_prompts_do_not_fit_in_one_log(exported: Exported) -> None:
    with pytest.raises(UsageError, match="one prompt on one model"):
        exported("inspect", {"a": "c", "b": "c"})
    with pytest.raises(UsageError, match="one prompt on one model"):
        exported("inspect", {"a": "-"})


def test_inspect_reads_it(exported: Exported, tmp_path: Path) -> None:
    log = pytest.importorskip("inspect_ai.log", reason="inspect_ai is not installed: pip install inspect-ai")
    path = tmp_path / "run.json"
    path.write_text(exported("inspect", {"none": "cw?!"}, repeats=2, count=4), "utf-8")
    read = log.read_eval_log(str(path))
    assert (read.status, read.eval.model, len(read.samples)) == ("success", "tiny", 8)
    assert [sample.scores["promptlathe"].value for sample in read.samples[:6:2]] == ["C", "I", "N"]
    assert read.samples[0].output.completion.startswith("The answer is")
    assert read.samples[-1].error.message == "too long"
    assert log.read_eval_log(str(path), header_only=True).results.completed_samples == 6
