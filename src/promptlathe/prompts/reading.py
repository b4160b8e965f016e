"""Reads any text as a prompt document. Tolerant: every text is a document, if only one of a preamble."""

from collections.abc import Sequence

from promptlathe.prompts.document import Layout, LayoutKind, PromptDocument, Section
from promptlathe.prompts.examples import is_turn_label
from promptlathe.prompts.scanning import Candidate, Scan
from promptlathe.prompts.sections import EVERYDAY_NAMES
from promptlathe.prompts.structured import Found, Syntax, read_structured

_LABEL_KINDS: tuple[LayoutKind, ...] = ("bullet", "flat", "plain")


def parse(text: str, layout: Layout | None = None) -> PromptDocument:
    """Reads a prompt; never fails, never loses a character.

    The layout is found from the text unless it is given, as it is when an edited document is read again: a
    document that loses all sections but one must not become another kind of document.
    """
    if (layout is None or layout.kind in ("json", "yaml")) and (found := read_structured(text)):
        return _structured(text, *found)
    scan = Scan(text)
    chosen: Sequence[Candidate] = ()
    if layout is None:
        layout, chosen = _detect(scan)
    elif layout.kind == "heading":
        chosen = _heading_sections(scan.headings(), layout.level)
    else:
        chosen = _label_sections(scan, layout.kind)
    ends = [candidate.start for candidate in chosen[1:]] + [len(text)]
    sections = tuple(
        Section(
            canonical=candidate.canonical,
            written=candidate.written,
            level=candidate.level,
            header=text[candidate.start : candidate.end],
            content=text[candidate.end : end],
            start=candidate.start,
            line=candidate.line + 1,
        )
        for candidate, end in zip(chosen, ends, strict=False)
    )
    return PromptDocument(text, layout, sections)


def _structured(text: str, syntax: Syntax, found: Sequence[Found]) -> PromptDocument:
    sections, line, at = [], 1, 0
    for part, end in zip(found, [*(part.start for part in found[1:]), len(text)], strict=True):
        line, at = line + text.count("\n", at, part.start), part.start
        header, content = text[part.start : part.end], text[part.end : end]
        sections.append(
            Section(part.canonical, part.written, part.level, header, content, part.start, line, part.body)
        )
    return PromptDocument(text, Layout(syntax, 2), tuple(sections))


def _detect(scan: Scan) -> tuple[Layout, Sequence[Candidate]]:
    """Headings if two are known sections, or as many as labels are; else labels; else any headings."""
    headings = scan.headings()
    layout = Layout("heading", _section_level(headings))
    best: tuple[Layout, Sequence[Candidate]] = (layout, _heading_sections(headings, layout.level))
    most = _known(headings)
    if most >= 2:
        return best
    for kind in _LABEL_KINDS:
        known = _known(scan.labels(kind))
        if known >= 2 and known > most:
            best, most = (Layout(kind, 1), _label_sections(scan, kind)), known
    return best


def _known(candidates: Sequence[Candidate]) -> int:
    return len({candidate.canonical for candidate in candidates} - EVERYDAY_NAMES - {None})


def _section_level(headings: Sequence[Candidate]) -> int:
    """Down to which level a heading of any name is a section: the first below a title; 2 without headings."""
    levels = sorted({heading.level for heading in headings})
    if not levels:
        return 2
    is_title = headings[0].level == levels[0] and sum(h.level == levels[0] for h in headings) == 1
    if not is_title:
        return levels[0]
    return levels[1] if len(levels) > 1 else max(2, levels[0])


def _heading_sections(headings: Sequence[Candidate], level: int) -> list[Candidate]:
    """Headings down to `level` are sections; a deeper one only if its name is known and no everyday word.

    Content and not sections are: what is below Examples, `### Skill 1` below `## Skills`, and the second and
    later of a series (`### Skill-1`, `### Skill-2`), which together are one section.
    """
    chosen: list[Candidate] = []
    above: list[Candidate] = []
    for heading in headings:
        while above and above[-1].level >= heading.level:
            above.pop()
        if heading.canonical and chosen and _continues(heading, chosen[-1]):
            continue
        if any(parent.canonical in ("Examples", heading.canonical) and parent.canonical for parent in above):
            continue
        if heading.level <= level or (heading.canonical and heading.canonical not in EVERYDAY_NAMES):
            chosen.append(heading)
            above.append(heading)
    return chosen


def _continues(candidate: Candidate, section: Candidate) -> bool:
    return candidate.canonical == section.canonical and candidate.is_numbered


def _label_sections(scan: Scan, kind: LayoutKind) -> list[Candidate]:
    """Known names begin a section, unless they label a turn of an example or continue a series.

    So does an unknown name, when nothing says that the line belongs to the section before it: a flat prompt
    counts on, a bullet prompt did not leave its list open with a bare `- Workflow:` and go on with bullets.
    """
    chosen: list[Candidate] = []
    is_list_open = False
    for candidate in scan.labels(kind):
        section = chosen[-1] if chosen else None
        if section:
            in_examples = section.canonical == "Examples"
            if _continues(candidate, section) or (in_examples and is_turn_label(candidate.written)):
                continue
            if not candidate.canonical and (
                is_list_open or not _is_unknown_section(candidate, section, kind)
            ):
                continue
        if candidate.canonical or section:
            chosen.append(candidate)
            is_list_open = kind == "bullet" and _opens_list(scan, candidate)
    return chosen


def _is_unknown_section(candidate: Candidate, section: Candidate, kind: LayoutKind) -> bool:
    if kind == "flat":
        return candidate.number == (section.number or 0) + 1
    if kind == "plain":
        # `Description:` is a line of its own in the label form, but a key in a Profile.
        return section.canonical != "Profile" and candidate.written.casefold() in ("description", "描述")
    return (
        kind == "bullet"
        and len(candidate.written) <= 20
        and not set(candidate.written) & set('，。,.;；!！?？“"')
    )


def _opens_list(scan: Scan, candidate: Candidate) -> bool:
    """Whether nothing follows the colon and the next line is a bullet as far out as the section's own."""
    if scan.text[candidate.end : scan.stops[candidate.line]].strip():
        return False
    for number in range(candidate.line + 1, len(scan.starts)):
        line = scan.line(number)
        if line.strip():
            return line.lstrip(" ")[:1] in set("-*+•·") and len(line) - len(line.lstrip(" ")) <= 1
    return False
