"""Rules about what the instructions say: said twice, denied, in two languages, in another framework's terms."""

import itertools
import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

from promptlathe.prompts.findings import Edit, Finding, Rule
from promptlathe.prompts.rules.source import LintSource
from promptlathe.prompts.sections import CanonicalName, canonical_name, has_chinese

REPEATED_RULE = Rule("LG301", "repeated-rule", "warning", "a rule is given twice", "同一条规则写了两遍")
CONTRADICTED_RULE = Rule(
    "LG302", "contradicted-rule", "error", "a rule is denied by another", "一条规则与另一条矛盾"
)
MIXED_LANGUAGES = Rule(
    "LG303", "mixed-languages", "warning", "the instructions change language", "指令混用了两种语言"
)
OTHER_FRAMEWORK = Rule(
    "LG304", "other-framework", "warning", "this is another framework's form", "这是另一种提示词框架的写法"
)

_RULE_SECTIONS: frozenset[CanonicalName | None] = frozenset(
    {
        "Attention",
        "Skills",
        "Goals",
        "Constraints",
        "Rules",
        "Reminder",
        "OutputFormat",
        "Style",
        "Suggestions",
    }
)
_ITEM = re.compile(
    r"[ \t]*(?:[-*+•·][ \t]+|\d{1,3}[.)、．][ \t]*|[(（]\d{1,3}[)）][ \t]*)?(?P<text>.*\S)[ \t]*"
)
# A search is several times as fast if each alternative begins with a character: so what must not stand before
# one comes behind it.
_NOT = "must not|should not|shall not|may not|can ?not|can't|mustn't|shouldn't|do not|don't|never|no|avoid|without"
_DENIAL = re.compile(
    "|".join(rf"{you}{words}\b" for you in ("you ", "") for words in _NOT.split("|"))
    + r"|不要|不能|不可以?|不得|不应该?|不必|不许|不准|禁止|严禁|切勿|请勿|勿|避免|别(?<![特分区级类个]别)"
)
_OPENING_INSISTENCE = re.compile(
    r"\A(?:(?:please|you|must|should|shall|may|can|do|be sure to|make sure to|remember to)\b[ ]?){1,3}"
)
_INSISTENCE = re.compile(
    r"always\b(?<!\walways)|please\b(?<!\wplease)"
    r"|必须|务必|一定要?|应该?|始终|总是|永远|请(?!求)|要(?<![重需主]要)(?!求|点|素)|可以|能够|需要?"
)
_EMPTY_WORDS = frozenset(
    {"a", "an", "the", "any", "of", "to", "your", "its", "it", "s", "are", "is"}
) | frozenset("的地得了都也所你您")
_WORD = re.compile(r"[\u4e00-\u9fff]|[^\W\u4e00-\u9fff]+")
_QUOTED = re.compile(
    r"[“\"「『'‘`][^”\"」』'’`\n]{1,300}[”\"」』'’`]|[（(][^）)\n]{1,80}[）)]|\{\{[^}\n]{0,80}\}\}|<[^>\n]{1,60}>"
)
_LATIN_WORD = re.compile(r"[A-Za-z][A-Za-z'’-]+")
_ENGLISH_GLUE = re.compile(
    r"\b(?:the|an?|of|to|in|on|for|with|and|or|not|is|are|be|if|that|this|you|your|it|as|by|from|do|never|always"
    r"|must|should|only|when|what)\b",
    re.IGNORECASE,
)
"""A line with none of these is a list of names (Python, React, Docker), and that is no language."""
_CHINESE = re.compile(r"[\u4e00-\u9fff]")
_FRAMEWORKS: dict[str, tuple[tuple[str, ...], ...]] = {
    "CRISPE": (
        ("capacity and role", "能力与角色", "能力和角色"),
        ("insight", "洞察", "洞察力"),
        ("statement", "指令"),
        ("personality", "个性"),
        ("experiment", "尝试", "实验"),
    ),
    "CO-STAR": (
        ("context", "上下文", "背景"),
        ("objective", "目标"),
        ("style", "风格"),
        ("tone", "语气", "语调"),
        ("audience", "受众"),
        ("response", "回复", "响应"),
    ),
    "RTF": (("role", "角色"), ("task", "任务"), ("format", "格式")),
    "APE": (("action", "行动"), ("purpose", "目的"), ("expectation", "期望", "预期")),
    "BROKE": (
        ("background", "背景"),
        ("role", "角色"),
        ("objectives", "目标"),
        ("key results", "关键结果"),
        ("evolve", "改进", "演进"),
    ),
    "RISEN": (
        ("role", "角色"),
        ("instructions", "指令"),
        ("steps", "步骤"),
        ("end goal", "最终目标"),
        ("narrowing", "限定", "收窄"),
    ),
    "ICIO": (
        ("instruction", "指令"),
        ("context", "上下文", "背景"),
        ("input data", "输入数据"),
        ("output indicator", "输出指示", "输出引导"),
    ),
}
_FIELDS = sorted({name for fields in _FRAMEWORKS.values() for names in fields for name in names})
_FIRST_LETTERS = "".join(sorted({name[0] for name in _FIELDS}))
_LABEL = re.compile(
    r"^[ \t]{0,3}+(?:#{1,6}[ \t]*+|[-*+][ \t]++|\d{1,2}[.)、][ \t]*+)?+"
    rf"\*{{0,2}}+(?=[{_FIRST_LETTERS}])(?P<name>{'|'.join(_FIELDS)})"
    r"[^\S\n]{0,9}\*{0,2}[ \t]*(?:[:：]|$)",
    re.MULTILINE | re.IGNORECASE,
)
_OWN_LANGUAGE_SECTIONS: frozenset[CanonicalName | None] = frozenset({"Examples", "Profile", "Definition"})


class _Saying(NamedTuple):
    """One rule as a reader takes it: the words it is about, and whether it forbids that."""

    core: str
    is_denied: bool
    start: int
    end: int


def repeated_or_contradicted_rule(source: LintSource) -> Iterator[Finding]:
    for earlier, later in _pairs(source):
        line = source.prompt.first_text_line + source.line_at(earlier.start)
        if earlier.is_denied == later.is_denied:
            yield Finding(
                REPEATED_RULE,
                f"this was said on line {line} already",
                f"这一条第 {line} 行已经说过",
                later.start,
                later.end,
                _removal(source, later),
            )
        else:
            yield Finding(
                CONTRADICTED_RULE,
                f"this contradicts line {line}: keep one of the two",
                f"这一条与第 {line} 行矛盾，请只留一条",
                later.start,
                later.end,
            )


_FOLLOWING_LINE = re.compile(r"(?:\r\n?|\n)(?P<indent>[^\S\r\n]*)(?P<first>[^\r\n]?)")


def _removal(source: LintSource, saying: _Saying) -> tuple[Edit, ...]:
    """The whole line, if it is a list item without children; a paragraph may be needed by what follows it."""
    start, end = source.line_span(saying.start)
    line = source.text[start:end]
    if not line.lstrip(" \t").startswith(tuple("-*+•·")):
        return ()
    following = _FOLLOWING_LINE.match(source.text, end)
    if following is None or following.start("indent") == len(source.text):
        return (Edit(start, end, ""),)
    if following["first"] and len(following["indent"]) > _indent(line):
        return ()
    return (Edit(start, following.start("indent"), ""),)


def _indent(text: str) -> int:
    return len(text) - len(text.lstrip())


def _pairs(source: LintSource) -> Iterator[tuple[_Saying, _Saying]]:
    """Each saying with the first one before it that is about the same.

    About the same are those of the same words in the same order: rules that differ in one word ("the larger",
    "the smaller") are as a rule both meant.
    """
    earlier: dict[str, _Saying] = {}
    for saying in _sayings(source):
        found = earlier.setdefault(saying.core, saying)
        if found is not saying:
            yield found, saying


def _sayings(source: LintSource) -> Iterator[_Saying]:
    for section in source.document.sections:
        if section.canonical not in _RULE_SECTIONS:
            continue
        for text, start in source.masked_lines(section):
            match = _ITEM.fullmatch(text)
            is_whole_line = source.text[start - 1] in "\r\n"
            if match is None or not is_whole_line:
                continue
            words, is_denied = _core(match["text"])
            core = " ".join(words)
            if len(words) >= 4 or (len(words) >= 2 and not has_chinese(core)):
                yield _Saying(core, is_denied, start + match.start("text"), start + match.end("text"))


def is_denial(text: str) -> bool:
    """Whether a rule forbids: "never …", "不要……"."""
    return _core(text)[1]


def _core(text: str) -> tuple[tuple[str, ...], bool]:
    """The words that carry the meaning, in lower case, without what denies or insists."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    without, denials = _DENIAL.subn(" ", folded, count=1)
    plain = _INSISTENCE.sub(" ", _OPENING_INSISTENCE.sub(" ", without.strip(), count=1))
    return tuple(itertools.filterfalse(_EMPTY_WORDS.__contains__, _WORD.findall(plain))), denials == 1


def mixed_languages(source: LintSource) -> Iterator[Finding]:
    """One finding for each section: quotes, code, brackets, names and examples may be in any language."""
    is_chinese = source.language == "zh"
    # Most sections and lines are in the right language: seen before anything is taken out of them.
    other, fewest = (_LATIN_WORD, 4) if is_chinese else (_CHINESE, 6)
    for section in source.sections_with(other):
        if section.canonical in _OWN_LANGUAGE_SECTIONS:
            continue
        for text, start in source.masked_lines(section):
            if len(other.findall(text)) < fewest:
                continue
            said = _QUOTED.sub(" ", text)
            chinese, latin = len(_CHINESE.findall(said)), len(_LATIN_WORD.findall(said))
            is_english = latin >= 4 and not chinese and len(_ENGLISH_GLUE.findall(said)) >= 1
            is_other = is_english if is_chinese else (chinese >= 6 and chinese > latin)
            if is_other:
                english, zh = ("English", "英文") if is_chinese else ("Chinese", "中文")
                yield Finding(
                    MIXED_LANGUAGES,
                    f"this line is in {english}, the other instructions are not",
                    f"这一行是{zh}，其他指令不是",
                    start + len(text) - len(text.lstrip()),
                    start + len(text.rstrip()),
                )
                break


def other_framework(source: LintSource) -> Iterator[Finding]:
    """A framework counts as found if at most one of its fields is missing; a short one must be complete."""
    labels = {match["name"].casefold(): match for match in _LABEL.finditer(source.masked)}
    for framework, fields in _FRAMEWORKS.items():
        found = [labels[name] for names in fields for name in names if name in labels]
        sections = [canonical_name(match["name"]) for match in found]
        if len(found) < max(3, len(fields) - 1) or all(sections):
            continue
        first = min(found, key=lambda match: match.start("name"))
        yield Finding(
            OTHER_FRAMEWORK,
            f"this is a {framework} prompt: `lathe prompt convert` makes it LangGPT",
            f"这是 {framework} 写法：可用 `lathe prompt convert` 转成 LangGPT",
            first.start("name"),
            first.end("name"),
        )
        return
