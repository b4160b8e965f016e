"""The lint rules, and the checks that find where they are broken. A check looks at one `LintSource`."""

from collections.abc import Callable, Iterator

from promptlathe.errors import UnknownNameError
from promptlathe.prompts.findings import Finding, Rule
from promptlathe.prompts.rules import leaks, marks, structure, usage, wording
from promptlathe.prompts.rules.source import LintSource

Check = Callable[[LintSource], Iterator[Finding]]

UNREADABLE = Rule("LG001", "unreadable-file", "error", "the file is no prompt file", "不是提示词文件")

RULES: tuple[Rule, ...] = (
    UNREADABLE,
    structure.MISSING_ROLE,
    structure.DUPLICATE_SECTION,
    structure.MISSPELT_SECTION,
    structure.INDENTED_HEADING,
    structure.EMPTY_SECTION,
    structure.EMPTY_ITEM,
    structure.MISSING_OUTPUT_FORMAT,
    structure.VAGUE_OUTPUT_FORMAT,
    marks.UNFILLED_PLACEHOLDER,
    marks.UNKNOWN_REFERENCE,
    marks.HASH_VARIABLE,
    marks.UNCLOSED_FENCE,
    marks.UNBALANCED_QUOTES,
    marks.VARIABLE_STYLE,
    wording.REPEATED_RULE,
    wording.CONTRADICTED_RULE,
    wording.MIXED_LANGUAGES,
    wording.OTHER_FRAMEWORK,
    usage.GREETING,
    usage.TOO_DEEP,
    usage.TOO_LONG,
    usage.NOT_SEMVER,
    leaks.LEAKED_CASE,
)


def rule_named(name: str) -> Rule:
    """The rule of that code or name. Raises UnknownNameError, which names the nearest."""
    for rule in RULES:
        if name.casefold() in (rule.code.casefold(), rule.name):
            return rule
    raise UnknownNameError("lint rule", name, [known for rule in RULES for known in (rule.code, rule.name)])


CHECKS: tuple[Check, ...] = (
    structure.missing_role,
    structure.duplicate_section,
    structure.misspelt_section,
    structure.indented_heading,
    structure.empty_section,
    structure.empty_item,
    structure.output_format,
    marks.unfilled_placeholder,
    marks.variable_style,
    marks.hash_variable,
    marks.unknown_reference,
    marks.unclosed_fence,
    marks.unbalanced_quotes,
    wording.repeated_or_contradicted_rule,
    wording.mixed_languages,
    wording.other_framework,
    usage.greeting,
    usage.too_deep,
    usage.too_long,
    usage.not_semver,
    leaks.leaked_case,
)

STRUCTURED_CHECKS: tuple[Check, ...] = (
    structure.missing_role,
    structure.misspelt_section,
    structure.output_format,
    marks.unfilled_placeholder,
    marks.unknown_reference,
    usage.greeting,
    usage.too_long,
    leaks.leaked_case,
)
"""For JSON and YAML, where quotes, brackets and white space are the syntax's own."""
