"""Rules about marks in the text: placeholders, variables, references, fences and quotes."""

import bisect
import re
from collections.abc import Collection, Iterator, Mapping

from promptlathe.prompts.findings import Edit, Finding, Rule
from promptlathe.prompts.placeholders import find_placeholders
from promptlathe.prompts.rules.source import Line, LintSource
from promptlathe.prompts.rules.structure import meant_name, nearest
from promptlathe.prompts.sections import canonical_name, has_chinese

UNFILLED_PLACEHOLDER = Rule(
    "LG201", "unfilled-placeholder", "error", "a template's gap was never filled", "模板里的空没有填"
)
UNKNOWN_REFERENCE = Rule(
    "LG202",
    "unknown-reference",
    "error",
    "<Name> refers to a section that is not there",
    "<名称> 引用了不存在的部分",
)
HASH_VARIABLE = Rule(
    "LG203", "hash-variable", "warning", "# marks a heading, not a variable", "# 是标题符号，不能用来标变量"
)
UNCLOSED_FENCE = Rule("LG204", "unclosed-fence", "error", "a code fence is never closed", "代码块没有结束")
UNBALANCED_QUOTES = Rule(
    "LG205", "unbalanced-quotes", "warning", "a quotation mark has no partner", "引号不成对"
)
VARIABLE_STYLE = Rule(
    "LG206", "variable-style", "note", "variables are written {{name}}", "变量应写成 {{名称}}"
)

_PLACEHOLDER = re.compile(
    r"(?P<empty>(?<![{\w])\{[ \t]{0,4}\}(?!\})|\{\{[ \t]{0,4}\}\}|(?<![\w\]])\[[ \t]{0,4}\](?![(\[]))"
    r"|(?P<shape>(?<![A-Za-z0-9])[xX]{3,}(?![A-Za-z0-9])|(?<!\w)_{4,}(?!\w))|\b[Yy]our_[A-Za-z_]{2,40}"
    r"|[\[<{【](?:[Yy]our|YOUR|[Ii]nsert|[Ff]ill in|请?填写|请?填入|在此填写|此处填写)[^\]>}】\n]{0,60}[\]>}】]"
    r"|(?:^[ \t]*(?:[-*+][ \t]+|\d{1,3}[.)][ \t]*)?|[:：][ \t]*)(?P<note>TODO|TBD|FIXME)(?=[ \t]*(?:[:：]|\r?$))"
    r"|待填写?|待补充",
    re.MULTILINE,
)
_PLACEHOLDER_MARK = re.compile(
    "|".join(rf"{bracket}[YyIiFf请填在此 \t\]}}]" for bracket in (r"\{", r"\[", "<", "【"))
    + "|x[xX]{2}|X[xX]{2}|____|our_|TODO|TBD|FIXME|待填|待补充"
)
"""Every `_PLACEHOLDER` holds one of these: looking for them first takes a tenth of the time."""
_NOTHING = re.compile(
    r"(?:\b(?:return|output|write|print|answer|give|send|empty|be|is|an?|use|with)s?|返回|输出|写|给出|为|成|是|用"
    r"|空(?:列表|数组|对象)?|[(（\"“'‘])[ \t]*[:：]?[ \t]*[\"“'‘]?$",
    re.IGNORECASE,
)
"""Before `[]` or `{}`, it says that these are meant: "return []"."""
_CLOZE = re.compile(r"blank|cloze|gap|underscore|填空|横线|下划线|留空", re.IGNORECASE)
_TASK_BOX = re.compile(r"[ \t]*(?:\d{1,3}[.)][ \t]*)?[-*+][ \t]+\[ ?\][ \t]")
_TEMPLATES = frozenset({"OutputFormat", "Examples"})
"""Sections that show a text for the model to fill: gaps in it are not the author's."""
_PAIRED_HASH = re.compile(r"#(?<![A-Za-z0-9_#&/]#)([^\W\d]\w{0,30})#(?![A-Za-z0-9_#])")
_LONE_HASH = re.compile(r"#(?<=[ \t(（，,:：\"“]#)([A-Za-z_][A-Za-z_0-9]{1,30})\b(?!#)")
_HASHTAG = re.compile(
    r"hashtag|\btags?\b|#\w+#?[ \t、,，]*#\w|话题|标签|微博|小红书|频道|channel|CSS", re.IGNORECASE
)
_LATEX = re.compile(r"\\[A-Za-z]{2,}\{")
_HEX_COLOUR = re.compile(r"[0-9a-fA-F]{3}|[0-9a-fA-F]{6}|[0-9a-fA-F]{8}")
_REFERENCE = re.compile(r"<(?<![A-Za-z0-9_]<)([^\W\d][\w -]{0,39})>")
_MOST_NAMES = 200
"""With more sections than this in a prompt, no name is looked for that a wrong reference may mean."""
_PROFILE_WORDS = frozenset(
    {"language", "author", "version", "description", "name", "语言", "作者", "版本", "描述", "姓名", "名字"}
)
_QUOTES = {"“": "”", "「": "」", "『": "』", "《": "》"}
_CLOSING = {closing: opening for opening, closing in _QUOTES.items()}
_QUOTE = re.compile(f"[{''.join([*_QUOTES, *_CLOSING])}]")
_ANY_QUOTE = re.compile(f'{_QUOTE.pattern}|"')


def unfilled_placeholder(source: LintSource) -> Iterator[Finding]:
    lines = source.lines_with(_PLACEHOLDER_MARK)
    for match in (match for line in lines for match in _PLACEHOLDER.finditer(source.masked, *line)):
        start = match.start("note") if match["note"] else match.start()
        if not _is_meant(source, match):
            written = source.masked[start : match.end()]
            yield Finding(
                UNFILLED_PLACEHOLDER,
                f"placeholder {written!r} was never filled in",
                f"占位符“{written}”没有填写",
                start,
                match.end(),
            )


def _is_meant(source: LintSource, match: re.Match[str]) -> bool:
    """Whether what looks like a gap is what the author wants to say."""
    if match["empty"]:
        line = source.masked_line(match.start())
        before = line[: match.start() - source.line_span(match.start())[0]]
        is_box = match[0].startswith("[") and _TASK_BOX.match(line)
        return bool(is_box or _NOTHING.search(before) or source.section_at(match.start()) in _TEMPLATES)
    if match["shape"]:
        is_cloze = _CLOZE.search(source.masked_line(match.start()))
        return bool(is_cloze or source.section_at(match.start()) in _TEMPLATES)
    return False


def variable_style(source: LintSource) -> Iterator[Finding]:
    """Not in templates for an answer: there `[score]` is for the model to fill."""
    in_latex = {source.line_at(match.start()) for match in _LATEX.finditer(source.masked)}
    for gap in find_placeholders(source.masked):
        if gap.form == "{{name}}" or source.line_at(gap.start) in in_latex:
            continue
        is_other_rules = _PLACEHOLDER.fullmatch(gap.written) or set(gap.name.casefold()) <= {"x"}
        if is_other_rules or source.section_at(gap.start) in _TEMPLATES:
            continue
        wanted, end = f"{{{{{gap.name}}}}}", gap.start + len(gap.written)
        yield Finding(
            VARIABLE_STYLE,
            f"write the variable {gap.written} as {wanted}, or it is not filled",
            f"变量 {gap.written} 应写成 {wanted}，否则不会被替换",
            gap.start,
            end,
            (Edit(gap.start, end, wanted),),
        )


def hash_variable(source: LintSource) -> Iterator[Finding]:
    for pattern in (_PAIRED_HASH, _LONE_HASH):
        for match in pattern.finditer(source.masked):
            if _HEX_COLOUR.fullmatch(match[1]) or _HASHTAG.search(source.masked_line(match.start())):
                continue
            wanted = f"{{{{{match[1]}}}}}"
            yield Finding(
                HASH_VARIABLE,
                f"{match[0]} is no variable: # marks headings; write {wanted}",
                f"{match[0]} 不是变量：# 是标题符号，请写成 {wanted}",
                *match.span(),
                (Edit(*match.span(), wanted),),
            )


def unknown_reference(source: LintSource) -> Iterator[Finding]:
    sections = source.document.sections
    if not sections or not _REFERENCE.search(source.masked):
        return
    known = {name.casefold() for section in sections for name in (section.written, section.name)}
    known |= {key.casefold() for key in source.document.profile} | set(_PROFILE_WORDS) | {"role", "角色"}
    known |= {name.casefold() for name in source.document.variables}
    closed = set(re.findall(r"</[ ]?([^>\s]{1,40})[ ]?>", source.masked))
    by_name = {section.name: meant_name(section) or section.written for section in sections}
    names = {*by_name, *by_name.values()}
    for match in _REFERENCE.finditer(source.masked):
        name = match[1].strip()
        canonical = canonical_name(name)
        is_markup = name in closed or not (has_chinese(name) or name[:1].isupper())
        if is_markup or name.casefold() in known or (canonical and canonical.casefold() in known):
            continue
        meant = _meant_reference(canonical or name, by_name, names)
        if not (canonical or meant) and source.section_at(match.start()) in _TEMPLATES:
            continue
        yield Finding(
            UNKNOWN_REFERENCE,
            f"{match[0]} refers to no section" + (f": did you mean <{meant}>?" if meant else ""),
            f"{match[0]} 没有对应的部分" + (f"，是不是 <{meant}>？" if meant else ""),
            *match.span(),
            (Edit(match.start(1), match.end(1), meant),) if meant else (),
        )


def _meant_reference(name: str, by_name: Mapping[str, str], names: Collection[str]) -> str | None:
    """The section of nearly that name; or of Rules and Constraints, which are used alike, the other."""
    other = {"Rules": "Constraints", "Constraints": "Rules"}.get(name)
    if other and other in by_name:
        return by_name[other]
    near = nearest(name, names, 0.75) if len(names) <= _MOST_NAMES else None
    return by_name.get(near, near) if near else None


def unclosed_fence(source: LintSource) -> Iterator[Finding]:
    if not source.code or source.code[-1].is_closed:
        return
    mark = source.code[-1].mark
    following = source.lines_from(source.line_at(source.code[-1].start))
    opening = next(following)
    indent = opening.text[: len(opening.text) - len(opening.text.lstrip())]
    swallowed = next((line for line in following if _is_section_line(line)), None)
    if swallowed:
        edit = Edit(swallowed.start, swallowed.start, f"{indent}{mark}\n\n")
    else:
        newline = "" if source.text.endswith("\n") else "\n"
        edit = Edit(len(source.text), len(source.text), f"{newline}{indent}{mark}\n")
    yield Finding(
        UNCLOSED_FENCE,
        f"this code fence is never closed: add a line {mark}",
        f"这个代码块没有结束：请加一行 {mark}",
        opening.start + len(indent),
        opening.end,
        (edit,),
    )


def _is_section_line(line: Line) -> bool:
    match = re.match(r"#{1,6}[ \t]+(?P<name>[^:：\n]{1,60})", line.text)
    return match is not None and canonical_name(match["name"]) is not None


def unbalanced_quotes(source: LintSource) -> Iterator[Finding]:
    for section in source.sections_with(_ANY_QUOTE):
        content, offset = source.masked_content(section)
        lonely = _lonely(content)
        for at, edit in lonely:
            edits = (Edit(offset + at, offset + at + 1, edit),) if edit else ()
            yield _quote_finding(content[at], offset + at, edits)
        straight = [match.start() for match in re.finditer('"', content)]
        # 12" is twelve inches: only what is odd with and without such marks is surely wrong.
        sure = [at for at in straight if not content[at - 1 : at].isdigit()]
        if len(straight) % 2 and len(sure) % 2:
            yield _quote_finding('"', offset + _odd_line(content, sure), ())


def _lonely(content: str) -> Iterator[tuple[int, str]]:
    """Marks without a partner; with the mark that was meant, where “ stands for ” on the same line."""
    open_marks: list[int] = []
    for match in _QUOTE.finditer(content):
        at, character = match.start(), match[0]
        if character in _QUOTES:
            last = open_marks[-1] if open_marks else None
            if last is not None and content[last] == character and "\n" not in content[last:at]:
                open_marks.pop()
                yield at, _QUOTES[character]
            else:
                open_marks.append(at)
        elif open_marks and content[open_marks[-1]] == _CLOSING[character]:
            open_marks.pop()
        else:
            yield at, ""
    yield from ((at, "") for at in open_marks)


def _odd_line(content: str, marks: list[int]) -> int:
    """The last mark on the first line that has an odd number of them."""
    starts = [match.end() for match in re.finditer("\n", content)]
    by_line: dict[int, list[int]] = {}
    for at in marks:
        by_line.setdefault(bisect.bisect_right(starts, at), []).append(at)
    return next((found[-1] for found in by_line.values() if len(found) % 2), marks[-1])


def _quote_finding(mark: str, at: int, edits: tuple[Edit, ...]) -> Finding:
    return Finding(
        UNBALANCED_QUOTES,
        f"quotation mark {mark} has no partner",
        f"引号 {mark} 不成对",
        at,
        at + 1,
        edits,
    )
