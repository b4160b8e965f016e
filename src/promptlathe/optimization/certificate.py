"""A certificate: the claim that one prompt beats another, with all that is needed to check it."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from itertools import combinations
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from promptlathe import __version__
from promptlathe.engines.engine import EngineDescription, FinishReason, Sampling
from promptlathe.errors import InputError, TaskError, UsageError
from promptlathe.evaluation.answers import Response, Row, response_key
from promptlathe.evaluation.judge import needs_judge
from promptlathe.evaluation.plan import StoredPrompt
from promptlathe.evaluation.summary import Comparison, Share, compare, guessing, share
from promptlathe.prompts import Prompt, render_messages
from promptlathe.statistics.paired import holm
from promptlathe.statistics.repeats import optimism
from promptlathe.tasks.case import Case, Language
from promptlathe.tasks.task import FindTask, Task, get_task

FORMAT: Literal["promptlathe-certificate/1"] = "promptlathe-certificate/1"
ALPHA = 0.05


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CertifiedTask(_Strict):
    """Which sealed cases: `digest` is `Task.digest` of them."""

    name: str
    count: int
    seed: int
    languages: tuple[Language, ...]
    digest: str


class CertifiedEngine(_Strict):
    engine: str
    version: str
    model: str
    model_digest: str
    settings: tuple[tuple[str, str], ...]


class CertifiedAnswer(_Strict):
    """One prompt's answer to one sealed case; `key` binds it to prompt, model, engine and sampling."""

    prompt: str
    case_id: str
    key: str
    text: str
    finish_reason: FinishReason
    prompt_tokens: int
    completion_tokens: int
    seconds: float


class SelectScore(_Strict):
    """How the winner did where it was chosen: one truth value for each case, and the cases' clusters."""

    correct: tuple[bool, ...]
    clusters: tuple[str, ...]


class Certificate(_Strict):
    """`prompts` are the winner, the starting prompt, then other references; `claims` follow from `answers`."""

    format: Literal["promptlathe-certificate/1"]
    promptlathe: str
    created_at: datetime
    task: CertifiedTask
    engine: CertifiedEngine
    sampling: Sampling
    prompts: tuple[StoredPrompt, ...] = Field(min_length=2)
    select: SelectScore
    answers: tuple[CertifiedAnswer, ...]
    errors: int
    search: dict[str, object]
    """How the winner was found and what its sections were worth on the `select` cases: recorded, not proven."""
    claims: dict[str, object]
    digest: str

    @property
    def winner(self) -> str:
        return self.prompts[0].name

    @property
    def start(self) -> str:
        return self.prompts[1].name


def certify(
    *,
    task: Task,
    cases: Sequence[Case],
    seed: int,
    languages: Sequence[Language],
    prompts: Sequence[Prompt],
    rows: Sequence[Row],
    select: SelectScore,
    engine: EngineDescription,
    sampling: Sampling,
    search: Mapping[str, object],
    created_at: datetime,
) -> Certificate:
    """Write down what `rows` on the sealed `cases` prove. `prompts`: the winner, the start, other references.

    Raises TaskError for a task that only a judge grades.
    """
    require_checkable(task)
    answered = [(row, row.response) for row in rows if row.response]
    described = asdict(engine)
    del described["capabilities"]
    draft = Certificate(
        format=FORMAT,
        promptlathe=__version__,
        created_at=created_at,
        task=CertifiedTask(
            name=task.name,
            count=len(cases),
            seed=seed,
            languages=tuple(languages),
            digest=task.digest(cases),
        ),
        engine=CertifiedEngine(**described),
        sampling=sampling,
        prompts=tuple(StoredPrompt.of(prompt) for prompt in prompts),
        select=select,
        answers=tuple(
            CertifiedAnswer(prompt=row.prompt, case_id=row.case_id, key=row.key, **asdict(response))
            for row, response in answered
        ),
        errors=len(rows) - len(answered),
        search=_plain(search),
        claims={},
        digest="",
    )
    claimed = draft.model_copy(update={"claims": _plain(claims(draft, task, cases))})
    return claimed.model_copy(update={"digest": _digest(claimed)})


def require_checkable(task: Task) -> None:
    """Raises TaskError where the only evidence would be a model's opinion: nobody can recompute that."""
    if needs_judge(task):
        raise TaskError(
            f"task {task.name!r} is graded by a judge alone, and a certificate needs answers that anyone can check",
            hint="prove the gain on a task with another grader (number, choice, exact, contains, regex, json, python)",
        )


def claims(certificate: Certificate, task: Task, cases: Sequence[Case]) -> dict[str, object]:
    """Everything a certificate says, computed from its answers alone."""
    by_prompt = _graded(certificate, task, cases)
    winner, start, *others = (prompt.name for prompt in certificate.prompts)
    compared = [
        made
        for name in dict.fromkeys((winner, *others))
        if name != start and (made := compare(start, name, cases, by_prompt[start], by_prompt[name]))
    ]
    adjusted = holm([comparison.paired.p_value for comparison in compared])
    answered = [case for case in cases if case.id in by_prompt[winner]]
    correct = [by_prompt[winner][case.id].is_correct for case in answered]
    clusters = [case.cluster for case in answered]
    guess = guessing(answered, by_prompt[winner])
    select = certificate.select
    return {
        "winner": winner,
        "start": start,
        "is_gain_proven": any(
            made.after == winner and is_gain(made.paired.difference, p)
            for made, p in zip(compared, adjusted, strict=True)
        ),
        "accuracy": {name: _share(share(cases, rows)) for name, rows in by_prompt.items()},
        "strata": {
            stratum: {
                name: _share(share([case for case in cases if case.stratum == stratum], rows))
                for name, rows in by_prompt.items()
            }
            for stratum in dict.fromkeys(case.stratum for case in cases)
        },
        "comparisons": [_comparison(made, p) for made, p in zip(compared, adjusted, strict=True)],
        "chance": guess
        and {"level": guess.chance, "p_value": guess.p_value, "is_beaten": guess.beats(ALPHA)},
        "shortcuts": task.shortcut_scores(cases),
        "optimism": asdict(
            optimism(select.correct, correct, select_clusters=select.clusters, sealed_clusters=clusters)
        )
        if select.correct and correct
        else None,
        "tokens_per_case": {name: _tokens(rows) for name, rows in by_prompt.items()},
    }


def is_gain(difference: float, adjusted_p: float) -> bool:
    """What "proven" means, wherever it is said."""
    return difference > 0 and adjusted_p <= ALPHA


def read_certificate(content: bytes, path: str) -> Certificate:
    """Raises InputError, in one line, for anything that is not a certificate."""
    try:
        return Certificate.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InputError(
            f"{path} is not a certificate: {place + ': ' if place else ''}{first['msg']}",
            hint="give the certificate.json that `lathe demo` wrote",
        ) from error


def write_certificate(certificate: Certificate) -> str:
    """The content of a certificate's file."""
    return certificate.model_dump_json(indent=1) + "\n"


def is_as_written(certificate: Certificate, content: bytes) -> bool:
    """Whether `content`, which was read as `certificate`, is its file to the letter; only line ends may differ.

    A key that is there twice, of which a reader sees one and a program the other, is not.
    """
    return content.replace(b"\r\n", b"\n") == write_certificate(certificate).encode()


def find_faults(certificate: Certificate, find_task: FindTask = get_task) -> list[str]:
    """What does not hold up, one line each; none means that everything claimed follows from the answers.

    Checked: the digest over the whole document; the sealed cases, made anew; each answer's key, from prompt,
    case, model, engine and sampling; every number, from the answers judged anew.
    """
    faults = []
    if _digest(certificate) != certificate.digest:
        faults.append("the digest does not fit the content: something was changed after it was written")
    task = find_task(certificate.task.name)
    try:
        cases = task.cases(
            "sealed", certificate.task.count, seed=certificate.task.seed, languages=certificate.task.languages
        )
    except (TaskError, UsageError) as error:
        return [*faults, f"the sealed cases are not there: {error}"]
    if task.digest(cases) != certificate.task.digest:
        faults.append("the sealed cases are not the ones this version of the task makes")
    faults += _key_faults(certificate, cases)
    if not faults:
        recomputed = _plain(claims(certificate, task, cases))
        faults += [
            f"claim {name!r} does not follow from the answers"
            for name in sorted(recomputed.keys() | certificate.claims.keys())
            if recomputed.get(name) != certificate.claims.get(name)
        ]
    return faults


def _key_faults(certificate: Certificate, cases: Sequence[Case]) -> list[str]:
    engine = EngineDescription(**certificate.engine.model_dump(), capabilities=frozenset())
    prompts = {stored.name: stored.read() for stored in certificate.prompts}
    by_id = {case.id: case for case in cases}
    seen: set[tuple[str, str]] = set()
    faults = [
        f"two prompts are called {one.name!r}"
        for one, other in combinations(certificate.prompts, 2)
        if one.name == other.name and one != other
    ]
    for answer in certificate.answers:
        case, prompt = by_id.get(answer.case_id), prompts.get(answer.prompt)
        place = f"answer of {answer.prompt!r} to {answer.case_id}"
        if case is None or prompt is None:
            faults.append(f"{place}: no such case or prompt in this certificate")
            continue
        if (answer.prompt, answer.case_id) in seen:
            faults.append(f"{place}: is there twice")
        seen.add((answer.prompt, answer.case_id))
        messages = render_messages(prompt, case.question, case.variables)
        if response_key(engine, messages, certificate.sampling, 0) != answer.key:
            faults.append(f"{place}: its key does not fit prompt, case, model, engine and sampling")
    expected = len(prompts) * len(cases)
    if len(seen) + certificate.errors != expected:
        faults.append(f"{len(seen)} answers and {certificate.errors} errors are not {expected} in all")
    return faults


def _graded(certificate: Certificate, task: Task, cases: Sequence[Case]) -> dict[str, dict[str, Row]]:
    by_id = {case.id: case for case in cases}
    graded: dict[str, dict[str, Row]] = {prompt.name: {} for prompt in certificate.prompts}
    for answer in certificate.answers:
        response = Response(
            text=answer.text,
            finish_reason=answer.finish_reason,
            prompt_tokens=answer.prompt_tokens,
            completion_tokens=answer.completion_tokens,
            seconds=answer.seconds,
        )
        grade = task.grade(by_id[answer.case_id], answer.text)
        model = certificate.engine.model
        row = Row(answer.prompt, model, answer.case_id, 0, answer.key, response, grade, None, is_cached=False)
        graded[answer.prompt][answer.case_id] = row
    return graded


def _comparison(made: Comparison, adjusted_p: float) -> dict[str, object]:
    return {"before": made.before, "after": made.after, "adjusted_p": adjusted_p, **asdict(made.paired)}


def _share(made: Share) -> dict[str, object]:
    return asdict(made)


def _tokens(rows: Mapping[str, Row]) -> dict[str, float]:
    responses = [row.response for row in rows.values() if row.response]
    count = max(len(responses), 1)
    return {
        "prompt": sum(response.prompt_tokens for response in responses) / count,
        "completion": sum(response.completion_tokens for response in responses) / count,
        "seconds": sum(response.seconds for response in responses) / count,
    }


def _plain(value: Mapping[str, object]) -> dict[str, object]:
    """As it will be read back from JSON, so that both can be compared exactly: with six significant digits,
    which another machine or another version of scipy gives as well."""
    plain: dict[str, object] = json.loads(
        json.dumps(dict(value)), parse_float=lambda number: float(f"{float(number):.6g}")
    )
    return plain


def _digest(certificate: Certificate) -> str:
    """SHA-256 (hex) over the certificate's canonical JSON, its own digest left out."""
    content = certificate.model_dump(mode="json", exclude={"digest"})
    canonical = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
