"""The log format of Inspect (inspect_ai, version 2, JSON), for `inspect view` and its data frames."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import chain

from promptlathe import __version__
from promptlathe.errors import UsageError
from promptlathe.evaluation.answers import Outcome, Subject
from promptlathe.evaluation.exports.json_rows import dumps, separated
from promptlathe.evaluation.exports.record import ExportedRun, Record, cells
from promptlathe.evaluation.summary import PromptSummary

_VALUES: dict[Outcome, str] = {"correct": "C", "wrong": "I", "unparsed": "N"}
_STOP_REASONS = {"stop": "stop", "length": "max_tokens"}
_SCORER = "promptlathe"


def inspect_log(run: ExportedRun, records: Iterable[Record]) -> Iterator[str]:
    """One prompt on one model: a log of Inspect's holds no more. Repeats are its epochs, and an unparsed answer
    is its "no answer", which counts as not right there as here.

    Raises UsageError for records of several prompts or models.
    """
    records = iter(records)
    first = next(records, None)
    if len(run.tallies) > 1 or first is None:
        raise UsageError(
            f"an Inspect log holds one prompt on one model, and here are {len(run.tallies)} results",
            hint="choose one with --prompt and --model",
        )
    for key, value in _header(run, first.row.subject).items():
        yield f"{',' if key != 'version' else '{'}\n{dumps(key)}: {dumps(value)}"
    yield ',\n"samples": ['
    yield from separated(dumps(_sample(run, record)) for record in chain((first,), records))
    yield "]}\n"


def _header(run: ExportedRun, subject: Subject) -> dict[str, object]:
    summary, (prompt, model) = run.summary, subject
    created = _time(run.started_at)
    config = {name: getattr(run.sampling, name) for name in ("max_tokens", "temperature", "top_p", "seed")}
    return {
        "version": 2,
        "status": "success" if run.is_finished else "started",
        "eval": {
            "run_id": summary.run_id,
            "created": created,
            "task": summary.task,
            "task_id": f"{summary.run_id}/{prompt}/{model}",
            "task_version": 0,
            "task_args": {"prompt": prompt, "split": summary.split},
            "dataset": {"name": f"{summary.task}/{summary.split}", "samples": summary.cases},
            "model": model,
            "config": {"epochs": run.repeats},
            "packages": {"promptlathe": __version__},
            "metadata": dict(summary.provenance),
            "scorers": [{"name": _SCORER}],
        },
        "plan": {"name": prompt, "steps": [], "config": config},
        "results": _results(
            run, next(made for made in summary.prompts if (made.prompt, made.model) == subject)
        ),
        "stats": {"started_at": created, "completed_at": _time(run.finished_at), "model_usage": {}},
    }


def _results(run: ExportedRun, prompt: PromptSummary) -> dict[str, object]:
    (tally,) = run.tallies.values()
    metric = {"name": "accuracy", "value": prompt.total.accuracy, "params": {}}
    score = {"name": _SCORER, "scorer": _SCORER, "params": {}, "metrics": {"accuracy": metric}}
    answered = sum(tally.values()) - tally.get("error", 0)
    return {
        "total_samples": run.summary.cases * run.repeats,
        "completed_samples": answered,
        "scores": [score],
    }


def _sample(run: ExportedRun, record: Record) -> dict[str, object]:
    row, case, response, grade = record.row, record.case, record.row.response, record.row.grade
    sent = [message.as_dict() for message in record.messages]
    said = [{"role": "assistant", "content": response.text, "source": "generate"}] if response else []
    sample: dict[str, object] = {
        "id": case.id,
        "epoch": row.repeat + 1,
        "input": case.question,
        "target": case.expected,
        "messages": sent + said,
        "metadata": {**cells(run, record), "cluster": case.cluster, "variables": dict(case.variables)},
    }
    if case.options:
        sample["choices"] = list(case.options)
    if response and grade:
        usage = {
            "input_tokens": response.prompt_tokens,
            "output_tokens": response.completion_tokens,
            "total_tokens": response.prompt_tokens + response.completion_tokens,
        }
        choice = {"message": said[0], "stop_reason": _STOP_REASONS[response.finish_reason]}
        sample["output"] = {"model": row.model, "choices": [choice], "usage": usage}
        score = {"value": _VALUES[row.outcome], "answer": grade.answer, "explanation": grade.reason or None}
        sample["scores"] = {_SCORER: score | {"metadata": {"contradicts": grade.contradicts}}}
        sample["total_time"] = response.seconds
    else:
        sample["error"] = {"message": row.error, "traceback": "", "traceback_ansi": ""}
    return sample


def _time(at: datetime | None) -> str:
    return at.isoformat() if at else ""
