"""The certificate: holds as it is, and does not once anything in it was touched."""

import json
from collections.abc import Callable, Iterator

import pytest

from promptlathe.errors import InputError, LatheError
from promptlathe.optimization.certificate import Certificate, _digest, find_faults, read_certificate
from promptlathe.optimization.optimize import Optimized
from tests.optimization.conftest import Prove

Json = dict[str, object]
Path = tuple[str | int, ...]


@pytest.fixture
async def proof(prove: Prove) -> Optimized:
    return await prove(0.3, 0.95, sealed=40)


def written(certificate: Certificate) -> Json:
    return json.loads(certificate.model_dump_json())


def read(content: Json, *, is_digest_forged: bool = False) -> Certificate:
    certificate = read_certificate(json.dumps(content).encode(), "c.json")
    return (
        certificate.model_copy(update={"digest": _digest(certificate)}) if is_digest_forged else certificate
    )


def leaves(value: object, path: Path = ()) -> Iterator[tuple[Path, object]]:
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(inner, (*path, key))
    else:
        yield path, value


def thinned(content: Json) -> list[tuple[Path, object]]:
    """All leaves, but of the many numbers of the strata only some."""
    found = list(leaves(content))
    strata = [(path, value) for path, value in found if path[:2] == ("claims", "strata")]
    return [(path, value) for path, value in found if path[:2] != ("claims", "strata")] + strata[::13]


def changed(value: object) -> object:
    """One character of it different."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, float):
        digits = list(f"{value:.6g}")
        last = max(
            index for index, digit in enumerate(digits) if digit.isdigit() and "e" not in digits[:index]
        )
        digits[last] = str((int(digits[last]) + 1) % 10)
        return float("".join(digits))
    text = str(value)
    middle = len(text) // 2
    return text[:middle] + ("1" if text[middle : middle + 1] != "1" else "2") + text[middle + 1 :]


def put(content: Json, path: Path, value: object) -> Json:
    copy = json.loads(json.dumps(content))
    inner = copy
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return copy


def is_noticed(content: Json, *, is_digest_forged: bool = False) -> bool:
    try:
        return bool(find_faults(read(content, is_digest_forged=is_digest_forged)))
    except LatheError:
        return True


def test_an_untouched_one_holds(proof: Optimized) -> None:
    certificate = proof.certificate
    assert find_faults(certificate) == []
    assert find_faults(read(written(certificate))) == []
    assert (certificate.winner, certificate.start) == ("good", "start")
    assert certificate.claims["is_gain_proven"] is True
    assert len(certificate.answers) == 3 * 40


def test_any_change_is_noticed(proof: Optimized) -> None:
    content = written(proof.certificate)
    answers = [path for path, _ in leaves(content) if path[0] == "answers" and path[1] in (0, 71)]
    others = [path for path, _ in thinned(content) if path[0] not in ("answers", "select")]
    selected = [path for path, _ in leaves(content) if path[0] == "select"][::20]
    values = dict(leaves(content))
    missed = [
        path
        for path in (*answers, *others, *selected)
        if not is_noticed(put(content, path, changed(values[path])))
    ]
    assert missed == []
    assert len(answers) == 16
    assert len(others) > 70


def test_a_forger_who_computes_the_digest_anew_is_noticed(proof: Optimized) -> None:
    """Prompts, keys, counts, cases, model and sampling are bound by the keys; claims by the answers."""
    content = written(proof.certificate)
    bound = [
        path
        for path, _ in thinned(content)
        if path[0] in ("task", "sampling", "prompts", "errors", "claims", "format")
        or (path[0] == "engine" and path[1] != "model")
        or (path[0] == "answers" and path[1] in (0, 71) and path[2] in ("prompt", "case_id", "key"))
    ]
    values = dict(leaves(content))
    missed = [
        path
        for path in bound
        if not is_noticed(put(content, path, changed(values[path])), is_digest_forged=True)
    ]
    assert missed == []
    assert {path[0] for path in bound} >= {
        "task",
        "engine",
        "sampling",
        "prompts",
        "errors",
        "claims",
        "answers",
    }


@pytest.mark.parametrize(
    ("forge", "fault"),
    [
        pytest.param(lambda c: c["answers"].pop(), "are not 120 in all", id="an answer left out"),
        pytest.param(lambda c: c["answers"].append(c["answers"][0]), "is there twice", id="an answer twice"),
        pytest.param(
            lambda c: c["prompts"].insert(0, {"name": "good", "text": "Much nicer."}),
            "two prompts are called 'good'",
            id="a nicer text beside the real one",
        ),
        pytest.param(
            lambda c: [answer.update(text="no idea") for answer in c["answers"][:30]],
            "does not follow from the answers",
            id="other answers",
        ),
        pytest.param(lambda c: c["claims"].update(is_safe=True), "claim 'is_safe'", id="a claim more"),
        pytest.param(lambda c: c["claims"].pop("optimism"), "claim 'optimism'", id="a claim less"),
        pytest.param(lambda c: c["prompts"].reverse(), "", id="winner and start changed over"),
        pytest.param(
            lambda c: c["answers"][0].update(prompt="nobody"), "no such case or prompt", id="a stranger"
        ),
    ],
)
def test_forgeries_are_named(proof: Optimized, forge: Callable[[Json], object], fault: str) -> None:
    content = written(proof.certificate)
    forge(content)
    faults = find_faults(read(content, is_digest_forged=True))
    assert any(fault in found for found in faults), faults


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "c.json is not a certificate: Invalid JSON"),
        (b"not json", "c.json is not a certificate: Invalid JSON"),
        (b"\xff\xfe", "c.json is not a certificate: Invalid JSON"),
        (b"[]", "c.json is not a certificate: Input should be an object"),
        (b'{"format": "promptlathe-certificate/2"}', "c.json is not a certificate: format: Input should be"),
    ],
)
def test_what_is_no_certificate_is_one_line(content: bytes, message: str) -> None:
    with pytest.raises(InputError) as caught:
        read_certificate(content, "c.json")
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)
    assert caught.value.hint


def test_too_few_prompts_or_a_field_more_is_no_certificate(proof: Optimized) -> None:
    content = written(proof.certificate)
    for wrong in (content | {"prompts": content["prompts"][:1]}, content | {"note": "trust me"}):
        with pytest.raises(InputError, match=r"c\.json is not a certificate: (prompts|note): "):
            read(wrong)


async def test_where_the_start_wins_nothing_is_claimed(prove: Prove) -> None:
    made = await prove(0.8, 0.3)
    certificate = made.certificate
    assert find_faults(read(written(certificate))) == []
    assert (certificate.winner, certificate.start) == ("start", "start")
    assert certificate.claims["is_gain_proven"] is False
    (compared,) = certificate.claims["comparisons"]
    assert (compared["before"], compared["after"]) == ("start", "none")


async def test_sealed_cases_are_read_once_and_after_the_choice(prove: Prove) -> None:
    reads: list = []
    made = await prove(0.4, 0.9, reads=reads)
    ((prompts, cases),) = reads
    assert [prompt.name for prompt in prompts] == ["good", "start", "none"]
    assert {case.split for case in cases} == {"sealed"}
    assert len(cases) == 80
    assert {row.case_id for row in made.sealed_rows} == {case.id for case in cases}
    optimism = made.certificate.claims["optimism"]
    select = made.certificate.select
    assert optimism["select"] == pytest.approx(sum(select.correct) / len(select.correct), rel=1e-5)
