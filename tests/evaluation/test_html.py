"""The page: the summary's numbers, nothing from outside, and no way out of it for untrusted text."""

import base64
import gzip
import hashlib
import json
import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser

import pytest

from promptlathe.evaluation.headline import sentences
from promptlathe.evaluation.html import render_html
from promptlathe.evaluation.numerals import p_value, percent, percent_interval, points, points_interval

ATTACKS = [
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "--><!--<script>",
    "\u2028</style></svg></text><svg onload=alert(1)>\u2029",
    "{{ 7 * 7 }}{% raw %}",
]
LETTERS = {"none": "cwwc?", "expert": "ccwcccw", "broken": "w!"}


def _page(run) -> str:
    return render_html(run.summary, run.cases, run.prompts, run.rows)


def _answers(page: str) -> dict:
    (packed,) = re.findall(r'id="answers">([A-Za-z0-9+/=]+)</script>', page)
    return json.loads(gzip.decompress(base64.b64decode(packed)))


class Tags(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.found)


def test_the_numbers_are_the_summarys(make_run):
    run = make_run(LETTERS, count=200)
    page = _page(run)
    for language in ("en", "zh"):
        for sentence in sentences(run.summary, language):
            assert sentence in unescape(page)
    for prompt in run.summary.prompts:
        for share in (prompt.total, *prompt.strata.values()):
            assert f"<b>{percent(share.accuracy)}</b>" in page
            assert f"{share.correct}/{share.cases}" in page
            assert percent_interval(share.interval, "en") in page
            assert percent_interval(share.interval, "zh") in page
        assert f"<td>{prompt.unparsed}</td>\n<td>{prompt.errors}</td>\n<td>{prompt.cut_off}</td>" in page
    for made in run.summary.comparisons:
        assert f"<b>{points(made.paired.difference)}</b>" in page
        assert points_interval(made.paired.interval, "en") in page
        assert f"<td>{made.paired.fixed}</td>\n<td>{made.paired.broken}</td>" in page
        assert f"<td>{p_value(made.paired.p_value)}</td>\n<td>{p_value(made.adjusted_p)}</td>" in unescape(
            page
        )


def test_every_answer_is_in_the_page(make_run):
    run = make_run(LETTERS)
    shown = _answers(_page(run))
    assert [result["name"] for result in shown["results"]] == list(LETTERS)
    assert [case["question"] for case in shown["cases"]] == [case.question for case in run.cases]
    by_key = {(row.case_id, row.prompt): row for row in run.rows}
    for case in shown["cases"]:
        for result, (answer,) in zip(shown["results"], case["answers"], strict=True):
            row = by_key[case["id"], result["prompt"]]
            assert answer["outcome"] == row.outcome
            assert answer["text"] == (row.response.text if row.response else row.error)
            assert answer.get("tokens") == ([120, 8] if row.response else None)


def test_what_stands_before_the_questions_is_kept_once(make_run):
    run = make_run({"a": "c", "b": "w"}, count=50)
    shown = _answers(_page(run))
    assert shown["beginnings"] == [[{"role": "system", "content": f"# Role\n{name}"}] for name in ("a", "b")]
    assert [case["beginnings"] for case in shown["cases"]] == [[0, 1]] * 50


def test_what_depends_on_the_case_is_there_for_each(make_run):
    run = make_run({"a": "c", "b": "c"}, text="{{a}} {{language}}", count=10)
    cases = [replace(case, variables={"a": str(index % 3)}) for index, case in enumerate(run.cases)]
    prompts = [replace(prompt, variables={"language": "zh"}) for prompt in run.prompts]
    shown = _answers(render_html(run.summary, cases, prompts, run.rows))
    for index, case in enumerate(shown["cases"]):
        for result, place in zip(shown["results"], case["beginnings"], strict=True):
            (message,) = shown["beginnings"][place]
            assert message["content"] == f"# Role\n{result['name']} {index % 3} zh"
    assert len(shown["beginnings"]) == 6


def test_repeats_are_all_there_in_order(make_run):
    run = make_run({"a": "cw"}, count=2)
    rows = [replace(row, repeat=repeat) for repeat in (2, 0, 1) for row in run.rows]
    rows[0] = replace(rows[0], grade=None, response=None, error="third")
    page = render_html(run.summary, run.cases, run.prompts, rows)
    first, second = _answers(page)["cases"]
    assert [answer["outcome"] for answer in first["answers"][0]] == ["correct", "correct", "error"]
    assert [answer["outcome"] for answer in second["answers"][0]] == ["wrong"] * 3


def test_a_page_that_shows_a_part_says_so(make_run):
    run = make_run({"a": "cw", "b": "c"}, count=40)
    part = render_html(run.summary, run.cases[:10], run.prompts, run.rows)
    assert "the first 10 of 40 cases" in part
    assert [case["id"] for case in _answers(part)["cases"]] == [case.id for case in run.cases[:10]]
    assert "lathe runs export run-1 -o cases.csv" in part
    assert "of 40 cases; the numbers above" not in _page(run)


def test_an_answer_without_end_is_cut(make_run):
    run = make_run({"a": "c"}, count=40, text="all work and no play " * 50_000)
    page = _page(run)
    text = _answers(page)["cases"][0]["answers"][0][0]["text"]
    assert text.endswith(" … (+1,030,000)")
    assert len(page) < 1_500_000


@pytest.mark.parametrize("attack", ATTACKS)
def test_untrusted_text_stays_text(make_run, attack):
    harmless = Tags(_page(make_run({"a": "cw", "b": "c!"}, text="x", question="y"))).found
    run = make_run({f"a{attack}": "cw", f"b{attack}": "c!"}, text=attack, question=attack)
    page = _page(run)
    tags = Tags(page).found
    assert [name for name, _ in tags] == [name for name, _ in harmless]
    assert not [name for _, attributes in tags for name in attributes if name.startswith("on")]
    assert _answers(page)["cases"][0]["answers"][0][0]["text"] == attack


def test_a_lone_surrogate_does_not_stop_the_page(make_run):
    assert _answers(_page(make_run({"a": "c"}, text="\ud83d")))["cases"][0]["answers"][0][0]["text"] == "?"


def test_nothing_comes_from_outside(make_run):
    page = _page(make_run(LETTERS))
    assert "http" not in page.replace("http-equiv", "")
    assert not re.search(r"@import|url\((?!#)|<link|\bfetch\(|XMLHttpRequest", page)
    for _, attributes in Tags(page).found:
        for name in ("src", "href", "action", "data"):
            assert (attributes.get(name) or "#").startswith("#")


def test_the_policy_allows_the_pages_own_style_and_script_only(make_run):
    page = _page(make_run(LETTERS))
    policy = next(
        a["content"] for _, a in Tags(page).found if a.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    for element in ("style", "script"):
        (text,) = re.findall(rf"<{element}>(.*?)</{element}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{element}-src 'sha256-{digest}'" in policy
    assert not [attributes for _, attributes in Tags(page).found if "style" in attributes]


def test_the_same_run_gives_the_same_page(make_run):
    assert _page(make_run(LETTERS)) == _page(make_run(LETTERS))


def test_2000_cases_and_3_prompts_stay_under_a_megabyte(make_run):
    answer = "Both have the same integer part, so compare the tenths. "
    run = make_run({"a": "cw", "b": "ccw", "c": "cw?"}, count=2000)
    long = make_run({"a": "cw", "b": "ccw", "c": "cw?"}, count=2000, text=answer * 5)
    assert len(_page(run)) < 1_000_000
    assert len(_page(long)) < 1_000_000


@pytest.mark.parametrize("letters", [{}, {"a": "-"}, {"a": "!"}, {"a": "-", "b": "c"}])
def test_a_run_without_answers_has_a_page(make_run, letters):
    run = make_run(letters)
    page = _page(run)
    assert sentences(run.summary, "en")[0] in unescape(page)
    assert not re.search(r"\bnan\b", page.partition('id="answers"')[0].lower())


def test_plots_have_a_dot_and_an_interval_where_the_numbers_are(make_run):
    run = make_run({"$x_1$": "cw", "中文提示词": "c", "late": "-"}, count=40)
    accuracy, differences = re.findall(r"<svg.*?</svg>", _page(run), re.DOTALL)
    assert [name in accuracy for name in (">$x_1$</text>", ">中文提示词</text>", ">late</text>")] == [
        True
    ] * 3
    first = run.summary.prompts[0].total
    assert f'cx="{100 * first.accuracy:.1f}%"' in accuracy
    assert f'x1="{100 * first.interval.low:.2f}'.rstrip("0") in accuracy
    assert accuracy.count("<circle") == 2
    assert accuracy.count('class="chance"') == 1
    (made,) = run.summary.comparisons
    assert differences.count("<circle") == 1
    assert f'cx="{50 + 50 * made.paired.difference / 0.8:g}%"' in differences
    assert ">+80</text>" in differences


def test_diagnosis_and_rule_names_are_there_in_both_languages(make_run):
    page = _page(make_run({"a": "w"}, count=200))
    run = make_run({"a": "w"}, count=200)
    diagnosis = run.summary.prompts[0].diagnosis
    for language in ("en", "zh"):
        assert diagnosis.sentence[language] in unescape(page)
        for rule in diagnosis.rules:
            assert rule.label[language] in unescape(page)
