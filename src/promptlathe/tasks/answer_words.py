"""The words that answers about two numbers are made of, in both languages, by what they do.

Each kind is a letter, so that a sentence can be matched as a short string (see `claims.py`): "13.8 is larger
than 13.11" is `nv>n` and "13.8大于13.11" is `n>n`. Where several phrases fit, the longest counts; a word in
none of them is `w`, one under "" leaves no trace.
"""

_LARGER = "larger bigger greater higher".split()
_SMALLER = "smaller lesser lower less".split()
_NOUNS = ("", " number", " value", " one", " decimal", " in value", " in size", " in magnitude")


def _than(adjectives: list[str]) -> list[str]:
    return [
        f"{adjective}{noun} {than}"
        for adjective in adjectives
        for noun in _NOUNS
        for than in ("than", "then")
    ]


def _split(*lines: str) -> list[str]:
    return [phrase.strip() for line in lines for phrase in line.split(" | ")]


PHRASES: dict[str, list[str]] = {
    # Relations: 13.8 > 13.11, "larger than".
    ">": [
        *_than([*_LARGER, "more"]),
        *_split(r"> | >= | ≥ | ⩾ | ≧ | \gt | \ge | \geq | exceeds | exceed | 大于 | 高于 | 超过 | 多于"),
    ],
    "<": [*_than(_SMALLER), *_split(r"< | <= | ≤ | ⩽ | ≦ | \lt | \le | \leq | 小于 | 低于 | 少于")],
    "=": _split(
        "= | == | equals | equal to | equal in value to | same as | same value as | same number as",
        "identical to | equivalent to | 等于",
    ),
    # Which of them is meant, without the other.
    "L": [
        *_LARGER,
        *_split("largest | biggest | greatest | highest | maximum | max"),
        *_split("大 | 更大 | 较大 | 最大 | 比较大 | 高 | 更高 | 较高 | 最高"),
    ],
    "S": [
        *_SMALLER,
        *_split("smallest | least | lowest | minimum | min"),
        *_split("小 | 更小 | 较小 | 最小 | 比较小 | 低 | 更低 | 较低 | 最低"),
    ],
    "E": _split(
        "equal | equally | identical | equivalent | same | tie | tied | neither | no difference",
        "相等 | 相同 | 一样 | 一样大 | 一样小 | 同样大 | 同样小 | 等值 | 大小相等 | 大小相同 | 大小一样 | 没有区别 | 没有差别",
    ),
    # How the choice is put.
    "A": _split("answer | answers | correct | right | 答案 | 答 | 正确 | 正确答案"),
    "K": _split("choose | pick | select | go with | 选 | 选择 | 我选"),
    "v": _split(
        "is | are | was | were | be | being | it's | that's | here's | 是 | 为 | 就是 | 应是 | 应为 | 即 | 即为 | 而是"
    ),
    ":": _split(r": | -> | --> | => | ==> | → | ⇒ | \to | \rightarrow | \implies"),
    # Denial and comparison.
    "!": _split(
        "not | never | no | cannot be | can't be | can not be | rather than | instead of",
        "不 | 不是 | 并不 | 并不是 | 并非 | 并没有 | 而非 | 而不是 | 不会 | 不可能",
    ),
    "b": _split("比 | 相比 | 相比于 | 比起 | 相较于"),
    "m": _split("没 | 没有 | 不如 | 不及"),
    "&": _split(
        "and | or | nor | vs | vs. | versus | with | compared to | compared with | against | & | /",
        "和 | 与 | 跟 | 及 | 以及 | 或 | 或者 | 还是 | 、",
    ),
    # Where one clause ends and the next begins.
    ",": _split(
        ", | ( | ) | [ | ] | { | } | - | – | — | + | * | × | ÷",
        "so | but | because | since | as | therefore | thus | hence | however | while | whereas | then | although",
        "though | which means | meaning | 因为 | 所以 | 因此 | 但 | 但是 | 而 | 然而 | 由于 | 那么 | 则 | 可是 | 不过 | 可见",
        "于是 | 相比之下",
    ),
    ".": ["\n", *_split(". | ! | ; | 。")],
    "?": ["?"],
    "T": _split("user: | human: | question: | q: | 用户: | 问题: | 问:"),
    # Clauses that assert nothing.
    "q": _split(
        "which | which one | which number | which value | what | who | whose | which of the two | which of these",
        "哪个 | 哪一个 | 哪个数 | 哪 | 谁 | 什么 | 多少 | 孰",
    ),
    "f": _split(
        "if | whether | suppose | supposing | assume | assuming | unless | should they | the question of",
        "如果 | 假如 | 假设 | 若 | 要是 | 是否 | 是不是",
    ),
    "h": _split(
        "seem | seems | appear | appears | look | looks | might | may | could | wrong | wrongly | incorrect | incorrectly",
        "mistake | mistaken | mistakenly | misconception | think | thinks | thinking | thought | not true | not correct",
        "not right | false | untrue | version | versions | release | releases | software | v",
        "看起来 | 看上去 | 看似 | 似乎 | 好像 | 误以为 | 误认为 | 误解 | 以为 | 会认为 | 容易 | 版本 | 版本号 | 错误 | 可能",
    ),
    "r": _split(
        "cannot | can't | can not | unable | don't know | do not know | not sure | unsure | won't | not able",
        "无法 | 不能 | 不知道 | 不确定 | 不清楚 | 没法",
    ),
    "c": _split(
        "wait | actually | sorry | oops | correction | my mistake | scratch that | on second thought",
        "let me check | let me recheck | let me re-check | let me reconsider | let me correct | i was wrong",
        "no, | no. | no! | no - | no — | no\n",
        "不对 | 等等 | 等一下 | 更正 | 纠正 | 抱歉 | 错了 | 我错了 | 说错了 | 重新",
    ),
    "p": _split(
        "they | both | two numbers | these numbers | the numbers | numbers | values",
        "它们 | 他们 | 两者 | 二者 | 两个 | 两数 | 两个数 | 两个数字 | 两个小数 | 都",
    ),
    "P": _split(
        "integer | whole | part | parts | portion | digit | digits | tenths | hundredths | thousandths | ones | place",
        "places | position | length | sign | 部分 | 位 | 位数 | 整数 | 长度 | 符号",
    ),
    "1": _split(
        "former | first number | first one | first value | first decimal | 前者 | 前一个 | 第一个 | 第一个数"
    ),
    "2": _split(
        "latter | second number | second one | second value | second decimal | 后者 | 后一个 | 第二个 | 第二个数"
    ),
    # Comparing and versions of "large" and "small" that choose nothing.
    "w": _split(
        "比较 | 比较大小 | 大小 | 比例 | 比如 | 对比 | 大家 | 大概 | 大约 | 小学 | 小时 | 小心 | 不同 | 不等于 | != | ≠ | ≈"
    ),
    "": _split(
        "the | a | an | it | this | that | of | i | i'd | i'm | i think | i believe | i guess | would | will | should | say",
        "number | value | one | decimal | decimal point | final | sure | certainly | of course | definitely",
        "clearly | in fact | ok | okay | yes | my | your | two | result | please | given | here | we | have | get | to | for",
        "question | there | its | does | do | just | only | much | slightly | a bit | than | at least | at most",
        "kg | g | mg | m | cm | mm | km | meter | meters | metre | metres | dollar | dollars | usd | yuan | euro | euros",
        "degree | degrees | percent | point | points | second | seconds | hour | hours | inch | inches | foot | feet | ft | lb",
        "pounds | liter | liters | litre | litres | l | s",
        "的 | 数 | 数字 | 数值 | 值 | 个 | 小数 | 小数点 | 我 | 我认为 | 认为 | 我觉得 | 觉得 | 应该 | 当然 | 好 | 好的 | 其中 | 中 | 里",
        "呢 | 吧 | 了 | 啊 | 哦 | 要 | 更 | 就 | 那 | 那个 | 这 | 这个 | 本题 | 题目 | 问题 | 您好 | 你好 | 最终 | 最后 | 对 | 得出 | 得到",
        "可得 | 结果 | 结论 | 请 | 一些 | 一点 | 在 | 之间 | 还 | 所 | 会 | 说 | 元 | 米 | 千克 | 公斤 | 克 | 厘米 | 毫米 | 公里 | 千米 | 度 | 岁 | 分",
        "秒 | 升 | 吨 | 块 | 斤 | 于",
    ),
}
