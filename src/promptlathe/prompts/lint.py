"""Finds what is wrong with a prompt, and mends what can be mended without its author."""

from dataclasses import dataclass

from promptlathe.prompts.file import Prompt, read_prompt
from promptlathe.prompts.findings import Edit, Finding, apply_edits
from promptlathe.prompts.rules import CHECKS, STRUCTURED_CHECKS
from promptlathe.prompts.rules.source import LintOptions, LintSource

_MOST_PASSES = 10


@dataclass(frozen=True, slots=True)
class Fixed:
    """`text` is the whole file after mending, `mended` what was mended, `left` what is found in `text`."""

    text: str
    mended: tuple[Finding, ...]
    left: tuple[Finding, ...]


def file_text(prompt: Prompt) -> str:
    """The text that positions count in: the file that the prompt was read from."""
    return prompt.front_matter + prompt.document.text


def lint(prompt: Prompt, options: LintOptions | None = None) -> tuple[Finding, ...]:
    """All findings, in the order of the file. Takes any prompt that can be read."""
    options = options or LintOptions()
    source = LintSource(prompt, options)
    is_structured = prompt.document.layout.kind in ("json", "yaml")
    checks = STRUCTURED_CHECKS if is_structured else CHECKS
    found = [_in_file(finding, source.file_offset) for check in checks for finding in check(source)]
    wanted = [finding for finding in found if finding.rule.code not in options.ignored]
    return tuple(sorted(wanted, key=lambda finding: (finding.start, finding.rule.code, finding.end)))


def fix(prompt: Prompt, options: LintOptions | None = None) -> Fixed:
    """Makes the fixes of all findings, and again those of what is found then.

    The text with the fewest findings on the way is the result, so a fix that only breaks something else is not
    made: a name put right may make two sections of one, which the next pass merges, or else it stays wrong.
    """
    left = lint(prompt, options)
    best = Fixed(file_text(prompt), (), left)
    mended: tuple[Finding, ...] = ()
    seen = {best.text}
    for _ in range(_MOST_PASSES):
        text, done = apply_edits(file_text(prompt), left)
        if text in seen:
            break
        seen.add(text)
        prompt = read_prompt(text, name=prompt.name)
        left, mended = lint(prompt, options), (*mended, *done)
        if len(left) < len(best.left):
            best = Fixed(text, mended, left)
    return best


def _in_file(finding: Finding, offset: int) -> Finding:
    if not offset:
        return finding
    edits = tuple(Edit(edit.start + offset, edit.end + offset, edit.replacement) for edit in finding.edits)
    return Finding(
        finding.rule,
        finding.message_en,
        finding.message_zh,
        finding.start + offset,
        finding.end + offset,
        edits,
    )
