"""Rules about sections: which there are, how they are named, and what is in them."""

import difflib
import re
from collections.abc import Iterable, Iterator
from functools import partial

from promptlathe.prompts.document import PromptDocument, Section
from promptlathe.prompts.findings import Edit, Finding, Rule
from promptlathe.prompts.rules.source import LintSource
from promptlathe.prompts.sections import all_names, canonical_name

MISSING_ROLE = Rule("LG101", "missing-role", "error", "the prompt has no Role", "提示词没有 Role（角色）")
DUPLICATE_SECTION = Rule(
    "LG102", "duplicate-section", "warning", "a section is there twice", "同一个部分出现了两次"
)
MISSPELT_SECTION = Rule(
    "LG103", "misspelt-section", "warning", "a section's name is misspelt", "部分的名称拼写有误"
)
INDENTED_HEADING = Rule(
    "LG104",
    "indented-heading",
    "error",
    "a heading four or more spaces in is code to Markdown",
    "标题缩进四格以上，在 Markdown 里会变成代码",
)
EMPTY_SECTION = Rule("LG105", "empty-section", "warning", "a section says nothing", "部分没有内容")
EMPTY_ITEM = Rule("LG106", "empty-item", "warning", "a list item says nothing", "列表项没有内容")
MISSING_OUTPUT_FORMAT = Rule(
    "LG107", "missing-output-format", "warning", "nothing says what an answer looks like", "没有规定输出格式"
)
VAGUE_OUTPUT_FORMAT = Rule(
    "LG108",
    "vague-output-format",
    "warning",
    "the output format asks for quality, but names no form",
    "输出格式只提了质量要求，没有说明形式",
)

_MISSPELLINGS = {
    "constrains": "Constraints",
    "constrain": "Constraint",
    "脚色": "角色",
    "约朿": "约束",
    "初使化": "初始化",
    "初始话": "初始化",
    "工作流成": "工作流程",
    "输出格试": "输出格式",
}
_ASCII_NAMES = {name.casefold(): name for name in all_names() if name.isascii()}
_OTHER_WORDS = frozenset({"constants", "skillset", "skillsets"})
"""Near a section's name, and words of their own."""
_INDENTED = re.compile(
    r"^(?P<indent> {4,}|[ ]{0,3}\t[ \t]*)#{1,6}[ \t]*(?P<name>[^#\s].{0,60})$", re.MULTILINE
)
_BARE_MARKER = re.compile(r"^(?P<indent>[ \t]*)(?:[-*+•·]|\d{1,3}[.)、．])[ \t]*$", re.MULTILINE)
_DANGLING = re.compile(r"[ \t](?<=[^\s\-*+•·][ \t])[ \t]*(?P<marker>[-•·])[ \t]*$", re.MULTILINE)
_FORM = re.compile(
    r"[\d`{<|:：“\"]|句|行|段|表|列|步|项|字|词|格式|结构|标题|编号|数字|包括|包含|依次|代码|标记|模板|只输出|仅输出|只回答|先|语言"
    r"|(?<![A-Za-z])(?:sentences?|words?|lines?|lists?|tables?|columns?|rows?|paragraphs?|headings?|numbers?|numbered|bullets?|steps?"
    r"|items?|json|yaml|xml|csv|html|markdown|code|blocks?|only|first|then|followed|containing|fields?|keys?|template|text"
    r"|titles?|label|verdict|query|quer(?:y|ies)|letter|reply|story|summary|translation|prompt|questions?)(?![A-Za-z])",
    re.IGNORECASE,
)
_OUTPUT_VERB = re.compile(
    r"\b(?:output|print|respond|reply|answer|return)s?\b(?=[ \t]+(?:only|just|in|with|as|a|an|one|exactly|the)\b)"
    r"|(?:只|仅|直接|统一|必须|请)(?:输出|回答|回复|返回)|输出(?=为|成)|以(?=[^\n]{1,12}(?:形式|格式)(?:输出|回答|返回|给出))",
    re.IGNORECASE,
)
_NOT_INSTRUCTIONS = frozenset({"Role", "Profile", "Background", "Examples", "Initialization"})
_VERDICT = re.compile(
    r"判断|结论|答案|解释|回答|\b(?:answer|verdict|conclusion|judge?ments?|decision|explanations?)\b",
    re.IGNORECASE,
)
_VERDICT_FORM = {
    "en": "State the conclusion in one sentence first, then explain briefly.",
    "zh": "先用一句话给出结论，再简要说明理由。",
}


def missing_role(source: LintSource) -> Iterator[Finding]:
    document = source.document
    if document.section("Role"):
        return
    first = document.sections[0] if document.sections else None
    if first and first.canonical is None and first.level < document.layout.level:
        at, _ = _name_span(first)
        edits: tuple[Edit, ...] = (Edit(at, at, "Role: " if source.language == "en" else "角色："),)
        start, end = first.start, first.start + len(first.header)
    else:
        name = next(filter(None, map(document.profile.get, ("name", "Name", "姓名", "名字"))), None)
        edits = source.edits_to(lambda found: found.with_section("Role", name)) if name else ()
        start = end = 0
    yield Finding(
        MISSING_ROLE,
        "there is no Role section: say who the model is",
        "没有 Role（角色）部分：请说明模型扮演谁",
        start,
        end,
        edits,
    )


def duplicate_section(source: LintSource) -> Iterator[Finding]:
    first: dict[str, Section] = {}
    for section in source.document.sections:
        key = section.canonical or section.written.casefold()
        earlier = first.setdefault(key, section)
        if earlier is section:
            continue
        line = source.prompt.first_text_line + earlier.line - 1
        yield Finding(
            DUPLICATE_SECTION,
            f"section {section.written!r} is there already, on line {line}",
            f"部分“{section.written}”在第 {line} 行已经有了",
            *_name_span(section),
            _merge(source, earlier, section),
        )


def _merge(source: LintSource, earlier: Section, later: Section) -> tuple[Edit, ...]:
    """Moves what the later one says to the end of the earlier one. Which of two Roles counts, nobody knows."""
    if earlier.canonical == "Role":
        return ()

    def merged(document: PromptDocument) -> PromptDocument:
        without = document.without(later)
        body = "\n".join(filter(None, (earlier.body, later.body)))
        return without.with_section(earlier.written, body)

    return source.edits_to(merged)


def misspelt_section(source: LintSource) -> Iterator[Finding]:
    for section in source.document.sections:
        meant = meant_name(section)
        if meant is None:
            continue
        start, end = _name_span(section)
        yield Finding(
            MISSPELT_SECTION,
            f"section {section.written!r} is misspelt: {meant!r} is meant",
            f"部分名称“{section.written}”拼写有误，应为“{meant}”",
            start,
            end,
            (Edit(start, end, meant),),
        )


def meant_name(section: Section) -> str | None:
    """The name that a misspelt one stands for; None if it is right, or no name at all."""
    written = section.written.strip()
    if section.canonical or written in _MISSPELLINGS:
        return _MISSPELLINGS.get(written.casefold())
    if written.casefold() in _OTHER_WORDS or not re.fullmatch(r"[A-Za-z][A-Za-z ]{3,30}", written):
        return None
    folded = written.casefold()
    if folded + "s" in _ASCII_NAMES or folded.removesuffix("s") in _ASCII_NAMES:
        return None
    near = nearest(folded, _ASCII_NAMES, 0.84)
    return _MISSPELLINGS.get(near, _ASCII_NAMES[near]) if near else None


def nearest(word: str, names: Iterable[str], cutoff: float) -> str | None:
    """Of names at least that like the word, the most alike, as difflib finds it.

    Their lengths, or the few letters they share, rule most names out long before difflib would.
    """
    letters = set(word)
    likely = []
    for name in names:
        fewest = cutoff * (len(word) + len(name)) / 2
        if min(len(word), len(name)) >= fewest and sum(map(name.count, letters)) >= fewest:
            likely.append(name)
    return next(iter(difflib.get_close_matches(word, likely, n=1, cutoff=cutoff)), None) if likely else None


def indented_heading(source: LintSource) -> Iterator[Finding]:
    for match in _INDENTED.finditer(source.unfenced):
        if canonical_name(re.split("[:：]", match["name"])[0]) is None:
            continue
        yield Finding(
            INDENTED_HEADING,
            f"{match['name'].strip()!r} is indented so far that it is no heading",
            f"“{match['name'].strip()}”缩进太多，不会被当作标题",
            *match.span(),
            (Edit(*match.span("indent"), ""),),
        )


def empty_section(source: LintSource) -> Iterator[Finding]:
    sections = source.document.sections
    pairs = zip(sections, [*sections[1:], None], strict=False)
    empty = [(section, following) for section, following in pairs if not section.content.strip()]
    references = {canonical_name(name) or name for name in source.document.references} if empty else set()
    for section, following in empty:
        if following and following.level > section.level:
            continue
        if section.level < source.document.layout.level and section.canonical is None:
            continue  # a title
        can_go = section.canonical != "Role" and section.name not in references
        yield Finding(
            EMPTY_SECTION,
            f"section {section.written!r} is empty",
            f"部分“{section.written}”没有内容",
            *_name_span(section),
            source.edits_to(partial(PromptDocument.without, section=section)) if can_go else (),
        )


def empty_item(source: LintSource) -> Iterator[Finding]:
    for bare in _BARE_MARKER.finditer(source.unfenced):
        following = source.line_at(bare.start()) + 1
        if not _has_children(source, following, len(bare["indent"])):
            end = next((line.start for line in source.lines_from(following)), bare.end())
            yield _empty_item(bare.end("indent"), bare.end(), Edit(bare.start(), end, ""))
    for dangling in _DANGLING.finditer(source.unfenced):
        yield _empty_item(dangling.start("marker"), dangling.end(), Edit(*dangling.span(), ""))


def _empty_item(start: int, end: int, edit: Edit) -> Finding:
    return Finding(
        EMPTY_ITEM,
        "a list marker with nothing behind it",
        "列表符号后面没有内容",
        start,
        end,
        (edit,),
    )


def _has_children(source: LintSource, following: int, indent: int) -> bool:
    for line in source.lines_from(following):
        if line.text.strip():
            return line.is_code or len(line.text) - len(line.text.lstrip()) > indent
    return False


def output_format(source: LintSource) -> Iterator[Finding]:
    """Only what the section says can be mended: which form an answer should have, only the author knows."""
    document = source.document
    if not document.sections:
        return
    section = document.section("OutputFormat")
    if section is None:
        if not any(_names_a_form(source, other) for other in source.sections_with(_OUTPUT_VERB)):
            yield Finding(
                MISSING_OUTPUT_FORMAT,
                "there is no OutputFormat section: say what an answer looks like",
                "没有 OutputFormat（输出格式）部分：请说明回答的形式",
                0,
                0,
            )
    elif (body := section.body) and not _FORM.search(body):
        yield Finding(
            VAGUE_OUTPUT_FORMAT,
            f"{section.written} says how good an answer is, but not what it looks like (a sentence, a list, JSON …)",
            f"“{section.written}”只说了回答要多好，没有说是什么形式（一句话、列表、JSON……）",
            *_name_span(section),
            _verdict_first(source, section) if _VERDICT.search(body) else (),
        )


def _names_a_form(source: LintSource, section: Section) -> bool:
    """Whether a section that is about something else says what an answer looks like, too."""
    if section.canonical in _NOT_INSTRUCTIONS:
        return False
    lines = (text for text, _ in source.masked_lines(section))
    return any(_FORM.search(line, match.end()) for line in lines if (match := _OUTPUT_VERB.search(line)))


def _verdict_first(source: LintSource, section: Section) -> tuple[Edit, ...]:
    form = _VERDICT_FORM[source.language]
    marker = "- " if section.body.lstrip().startswith("-") else ""
    body = f"{section.body}\n{marker}{form}"
    return source.edits_to(lambda found: found.with_section(section.written, body))


def _name_span(section: Section) -> tuple[int, int]:
    """Of the name in the header; to the header's end, if white space in the name was read as other white space."""
    header, at = section.header, section.header.find(section.written)
    start = at if at >= 0 else len(header) - len(header.lstrip(" #＃"))
    end = at + len(section.written) if at >= 0 else len(header)
    return section.start + start, section.start + end
