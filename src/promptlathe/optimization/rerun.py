"""A certificate's questions, asked again: does the model still answer so, and does the claim still hold?"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass
from random import Random

from promptlathe.engines.engine import Engine
from promptlathe.errors import UsageError
from promptlathe.evaluation.answers import Response, Row, require_an_answer
from promptlathe.evaluation.run import Evaluator
from promptlathe.optimization.certificate import Certificate, CertifiedAnswer, claims
from promptlathe.tasks.case import Case
from promptlathe.tasks.task import Task


@dataclass(frozen=True, slots=True)
class Rerun:
    """`asked` answers were asked for again, `failed` of them got none. `differing` say something else than what is
    recorded, `changed` of these are judged otherwise: engines round, and another batch can end in another word.

    `holds`: the claims, computed with the new answers in the place of the recorded ones, still say the same about
    the gain. `difference` is the winner's against the start then, None where they are one.
    """

    asked: int
    failed: int
    differing: int
    changed: int
    difference: float | None
    holds: bool
    engine_differs: tuple[str, ...]
    """What is not the same as when the certificate was made, such as "version 2026.4 then, 2026.5 now"."""

    def as_json(self) -> dict[str, object]:
        return asdict(self)


def cases_to_ask(certificate: Certificate, task: Task, sample: int | None) -> tuple[Case, ...]:
    """The sealed cases or, with `sample`, as many of them, whole clusters drawn by the certificate's digest."""
    certified = certificate.task
    cases = task.cases("sealed", certified.count, seed=certified.seed, languages=certified.languages)
    if sample is None or sample >= len(cases):
        return cases
    clusters = sorted({case.cluster for case in cases})
    Random(certificate.digest).shuffle(clusters)  # noqa: S311 - which cases is no secret
    chosen: set[str] = set()
    for cluster in clusters:
        if sum(case.cluster in chosen for case in cases) >= sample:
            break
        chosen.add(cluster)
    return tuple(case for case in cases if case.cluster in chosen)


async def rerun(
    certificate: Certificate,
    task: Task,
    engine: Engine,
    cases: Sequence[Case],
    *,
    on_row: Callable[[Row], None] = lambda _: None,
) -> Rerun:
    """Ask every prompt of a valid certificate these of its cases again; nothing comes from a cache.

    Raises UsageError where `engine` has another model than the certificate is about, EngineError where every
    request failed.
    """
    now, then = engine.describe(), certificate.engine
    if now.model_digest != then.model_digest:
        raise UsageError(
            f"{now.model!r} is another model than the certificate's {then.model!r}: its digest is "
            f"{now.model_digest[:12]}, not {then.model_digest[:12]}",
            hint="say where the certified model is: --model",
        )
    prompts = list({stored.name: stored.read() for stored in certificate.prompts}.values())
    evaluator = Evaluator(task, engine, then.model, _Forgetful(), certificate.sampling)
    rows: dict[tuple[str, str], Row] = {}
    async with aclosing(evaluator.evaluate(prompts, cases)) as found:
        async for row in found:
            rows[row.prompt, row.case_id] = row
            on_row(row)
    require_an_answer(list(rows.values()))
    recorded = {(answer.prompt, answer.case_id): answer for answer in certificate.answers}
    both = [
        (recorded[place], row, row.response)
        for place, row in rows.items()
        if row.response and place in recorded
    ]
    by_id = {case.id: case for case in cases}
    recomputed = _claims(certificate, task, rows)
    return Rerun(
        asked=len(rows),
        failed=sum(row.response is None for row in rows.values()),
        differing=sum(answer.text != response.text for answer, _, response in both),
        changed=sum(
            task.grade(by_id[answer.case_id], answer.text).verdict != row.outcome for answer, row, _ in both
        ),
        difference=_difference(recomputed, certificate.winner),
        holds=recomputed["is_gain_proven"] == certificate.claims["is_gain_proven"],
        engine_differs=tuple(
            f"{name} {was} then, {is_now} now"
            for name, was, is_now in (
                ("engine", then.engine, now.engine),
                ("version", then.version, now.version),
                ("settings", then.settings, now.settings),
            )
            if was != is_now
        ),
    )


class _Forgetful:
    """A recorder that knows nothing and keeps nothing."""

    def cached(self, keys: Sequence[str]) -> Mapping[str, Response]:  # noqa: ARG002
        return {}

    def record(self, rows: Sequence[Row]) -> None:
        """Nothing is kept."""

    def remember(self, key: str, response: Response) -> None:
        """Nothing is kept."""


def _claims(certificate: Certificate, task: Task, rows: Mapping[tuple[str, str], Row]) -> dict[str, object]:
    """What the certificate would claim with these answers in the place of its own."""
    kept = [answer for answer in certificate.answers if (answer.prompt, answer.case_id) not in rows]
    fresh = [
        CertifiedAnswer(prompt=row.prompt, case_id=row.case_id, key=row.key, **asdict(row.response))
        for row in rows.values()
        if row.response
    ]
    renewed = certificate.model_copy(update={"answers": (*kept, *fresh)})
    return claims(renewed, task, cases_to_ask(certificate, task, None))


def _difference(recomputed: Mapping[str, object], winner: str) -> float | None:
    comparisons = recomputed["comparisons"]
    made = comparisons if isinstance(comparisons, list) else []
    return next((one["difference"] for one in made if one["after"] == winner), None)
