"""The certificate as a page and as Markdown: the same numbers, in both languages, whatever the prompts say."""

import re

import pytest
from markdown_it import MarkdownIt

from promptlathe.evaluation.numerals import percent, points
from promptlathe.evaluation.plan import StoredPrompt
from promptlathe.optimization.certificate import Certificate
from promptlathe.optimization.certificate_page import REASONS_ZH, certificate_html, certificate_markdown
from promptlathe.optimization.operators import OPERATORS
from tests.optimization.conftest import Prove
from tests.optimization.simulated_search import search

VERDICT = {"en": "Proven: it is better.", "zh": "已证明：更好。"}


async def certified() -> Certificate:
    made = await search(3, lambda text: 0.9 if "Rule number 2" in text else 0.5, budget=1500)
    return made.certificate


def numbers(certificate: Certificate) -> list[str]:
    claims = certificate.claims
    said = [percent(share["accuracy"]) for share in claims["accuracy"].values()]
    said += [points(made["difference"]) for made in claims["comparisons"]]
    said += [points(worth["comparison"]["difference"]) for worth in certificate.search["sections"]]
    said += [points(claims["optimism"]["difference"]), certificate.digest, certificate.engine.model_digest]
    said += [certificate.task.digest, str(certificate.search["tokens"]["prompt_tokens"])]
    return said


async def test_all_three_say_the_same_numbers() -> None:
    certificate = await certified()
    assert certificate.claims["is_gain_proven"]
    pages = [
        certificate_html(certificate, VERDICT),
        certificate_markdown(certificate, VERDICT, "en"),
        certificate_markdown(certificate, VERDICT, "zh"),
    ]
    for page in pages:
        text = page.replace("&#43;", "+")
        for number in numbers(certificate):
            assert number in text
        for step in certificate.search["lineage"]:
            assert step["name"] in text
        assert "Rule number 2" in text


async def test_both_languages_are_there() -> None:
    certificate = await certified()
    html = certificate_html(certificate, VERDICT)
    english, chinese = (certificate_markdown(certificate, VERDICT, language) for language in ("en", "zh"))
    for said in VERDICT.values():
        assert said in html
    assert (VERDICT["en"] in english, VERDICT["zh"] in english) == (True, False)
    assert (VERDICT["zh"] in chinese, VERDICT["en"] in chinese) == (True, False)
    assert len(re.findall('class="en"', html)) == len(re.findall('class="zh"', html)) > 20


def test_every_operator_gives_its_reason_in_chinese() -> None:
    assert REASONS_ZH.keys() >= {operator.__name__.replace("_", "-") for operator in OPERATORS}


async def test_the_way_there_is_told_in_the_readers_language() -> None:
    certificate = await certified()
    operators = [step["operator"] for step in certificate.search["lineage"]]
    english, chinese = (certificate_markdown(certificate, VERDICT, language) for language in ("en", "zh"))
    for step in certificate.search["lineage"]:
        assert step["reason"] in english
    assert all(REASONS_ZH[operator] in chinese for operator in operators if operator in REASONS_ZH)
    assert "新增" in chinese
    assert "added" in english


@pytest.mark.parametrize(("good", "said"), [(0.95, "proven"), (0.5, "best found")])
async def test_only_what_is_proven_is_called_so(prove: Prove, good: float, said: str) -> None:
    certificate = (await prove(0.3, good, sealed=40)).certificate
    assert certificate.winner == "good"
    assert f">{said}<" in certificate_html(certificate, VERDICT)


async def test_idle_sections_may_go() -> None:
    certificate = await certified()
    idle = [worth["section"] for worth in certificate.search["sections"] if worth["is_idle"]]
    assert idle
    assert "may go" in certificate_html(certificate, VERDICT)


async def test_where_the_start_wins_there_is_a_page_too(prove: Prove) -> None:
    certificate = (await prove(0.8, 0.3)).certificate
    assert "start" in certificate_html(certificate, VERDICT)
    assert "start" in certificate_markdown(certificate, VERDICT, "en")


@pytest.mark.parametrize("attack", ["<script>alert(1)</script>", "`````\n# Mine", "a | b\n---"])
async def test_prompts_are_text_whatever_they_say(prove: Prove, attack: str) -> None:
    made = (await prove(0.3, 0.95, sealed=40)).certificate
    prompts = tuple(StoredPrompt(name=f"{attack} {one.name}", text=attack) for one in made.prompts)
    spoilt = made.model_copy(update={"prompts": prompts})
    html = certificate_html(spoilt, VERDICT)
    assert "<script>alert" not in html
    markdown = certificate_markdown(spoilt, VERDICT, "en")
    tokens = MarkdownIt("commonmark").enable("table").parse(markdown)
    assert [token.content for token in tokens if token.type == "fence"][-1].strip() == attack.strip()
    assert not any(token.type == "html_block" for token in tokens)
    headings = [tokens[at + 1].content for at, token in enumerate(tokens) if token.type == "heading_open"]
    assert "Mine" not in headings


async def test_the_markdown_is_tables_with_all_their_rows() -> None:
    certificate = await certified()
    tokens = MarkdownIt("commonmark").enable("table").parse(certificate_markdown(certificate, VERDICT, "zh"))
    tables = [token for token in tokens if token.type == "table_open"]
    rows = [token for token in tokens if token.type == "tr_open"]
    claims, sections = certificate.claims, certificate.search["sections"]
    assert len(tables) == 4
    assert len(rows) == 4 + len(claims["accuracy"]) + len(claims["comparisons"]) + len(
        claims["strata"]
    ) + len(sections)
