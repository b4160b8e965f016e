"""The HTML report in a real browser: what is shown, found and reached, and that no answer can act in it."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from promptlathe.evaluation.summary import by_subject
from tests.browser.conftest import OpenReport
from tests.conftest import MakeRun, Run
from tests.picking import pick_cases

LETTERS = {"none": "cwwc?w", "expert": "ccwcccw", "broken": "w!"}
ATTACKS = [
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "--><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\u2028alert(1)\u2029`${alert(1)}`",
    "javascript:alert(1)",
    "__proto__",
]


def listed(run: Run, kind: str, prompt: str = "") -> int:
    """How many cases `lathe runs cases --KIND` lists."""
    subjects = list(dict.fromkeys(row.subject for row in run.rows))
    chosen = [subject for subject in subjects if prompt in ("", subject.prompt)]
    kinds = () if kind == "all" else (kind,)
    return len(pick_cases(run.cases, by_subject(subjects, run.cases, run.rows), kinds, chosen))


def test_filters_find_what_the_command_line_lists(open_report: OpenReport, make_run: MakeRun) -> None:
    run = make_run(LETTERS, count=84)
    page = open_report(run)
    for prompt in ("", *LETTERS):
        page.select_option("#prompt", prompt)
        for kind in ("all", "wrong", "flips", "different", "unparsed", "errors"):
            if kind == "different" and prompt:
                continue  # the page compares with the baseline, which the command line leaves out
            page.click(f"[data-filter={kind}]")
            count = listed(run, kind, prompt)
            assert page.locator("#cases tbody tr").count() == count, (kind, prompt)
            assert page.locator("#found").inner_text() == f"{count} / 84 cases"
            assert page.locator(f"[data-filter={kind}][aria-pressed=true] .count").inner_text() == str(count)


def test_search_and_stratum_narrow_what_is_shown(open_report: OpenReport, make_run: MakeRun) -> None:
    run = make_run(LETTERS, count=84)
    page = open_report(run)
    case = run.cases[5]
    page.fill("#search", case.question.upper())
    assert page.locator("#cases tbody tr").count() == 1
    page.fill("#search", "")
    page.select_option("#stratum", "negative")
    expected = sum(case.stratum == "negative" for case in run.cases)
    assert page.locator("#cases tbody tr").count() == expected
    page.reload()
    assert page.locator("#found").inner_text().startswith(f"{expected} / 84")


def test_a_comparison_leads_to_its_flips(open_report: OpenReport, make_run: MakeRun) -> None:
    run = make_run(LETTERS, count=84)
    page = open_report(run)
    page.click("a[data-result=expert]")
    made = run.summary.comparisons[0].paired
    assert page.locator("#cases tbody tr").count() == made.fixed + made.broken
    headings = [text.strip() for text in page.locator("#cases thead th").all_inner_texts()]
    assert headings == ["Question", "Expected", "none", "expert"]


def test_the_keyboard_alone_opens_an_exchange(open_report: OpenReport, make_run: MakeRun) -> None:
    page = open_report(make_run(LETTERS, count=10))
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "cases-title"
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.className") == "question":
            break
    page.keyboard.press("Enter")
    exchange = page.locator("#cases tr.full")
    assert exchange.count() == 1
    assert page.evaluate("document.activeElement.getAttribute('aria-controls')") == exchange.get_attribute(
        "id"
    )
    assert exchange.locator("h3").all_inner_texts() == list(LETTERS)
    exchange.locator("details summary").first.click()
    assert "# Role" in exchange.inner_text()
    page.keyboard.press("Shift+Tab")
    page.locator("#cases .question").first.press("Enter")
    assert exchange.count() == 0


def test_untrusted_text_is_shown_and_does_nothing(open_report: OpenReport, make_run: MakeRun) -> None:
    text = "\n".join(ATTACKS)
    page = open_report(make_run(dict.fromkeys(ATTACKS, "cw?!"), count=4, text=text, question=text))
    for question in page.locator("#cases .question").all():
        question.click()
    answers = page.locator("#cases tr.full pre").all_text_contents()
    assert answers.count(text) == 4 * len(ATTACKS) * 2
    assert page.locator("#cases thead th").all_inner_texts()[2:] == ATTACKS
    for attack in ATTACKS:
        page.fill("#search", attack)
        assert page.locator("#cases tbody tr").count() == 4


def test_an_answer_of_a_megabyte_opens(open_report: OpenReport, make_run: MakeRun) -> None:
    page = open_report(make_run({"a": "c"}, count=40, text="9" * 1_000_000))
    page.locator("#cases .question").first.click()
    assert page.locator("#cases tr.full pre").last.inner_text().endswith("(+980,000)")


def test_a_browser_that_cannot_unpack_says_what_to_do(open_report: OpenReport, make_run: MakeRun) -> None:
    page = open_report(make_run(LETTERS), script="delete window.DecompressionStream")
    assert "lathe runs export run-1 -o cases.csv" in page.locator("#problem").inner_text()
    assert page.locator("table.numbers").first.is_visible()


def test_language_and_theme_change_and_are_kept(open_report: OpenReport, make_run: MakeRun) -> None:
    page = open_report(make_run(LETTERS))
    assert page.locator("#cases-title").inner_text() == "Cases"
    page.click("#language")
    assert page.locator("#cases-title").inner_text() == "题目"
    assert page.evaluate("document.documentElement.lang") == "zh-CN"
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.click("#theme")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light
    page.reload()
    assert page.locator("#cases-title").inner_text() == "题目"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light


@pytest.mark.parametrize("state", ["theme=light", "theme=dark", "language=zh"])
def test_no_known_barrier_for_screen_readers(open_report: OpenReport, make_run: MakeRun, state: str) -> None:
    page = open_report(make_run(LETTERS, count=12), state)
    page.locator("#cases .question").first.click()
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def test_a_phone_needs_no_sideways_scrolling(open_report: OpenReport, make_run: MakeRun) -> None:
    page = open_report(
        make_run({"a": "cw", "a-prompt-with-" + "a-long-name-" * 8: "c"}, text="x" * 500), width=390
    )
    page.locator("#cases .question").first.click()
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_print_shows_everything_and_no_controls(open_report: OpenReport, make_run: MakeRun) -> None:
    page = open_report(make_run(LETTERS, count=12), "theme=dark")
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details:not([open])").count() == 0
    assert [page.locator(name).is_visible() for name in ("#filters", "#theme", "#language")] == [False] * 3
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("details[open]").count() == 0
