"""The words that answers about two numbers are made of, in both languages, by what they do.

Each kind is a letter, so that a sentence can be matched as a short string (see `claims`): "13.8 is larger
than 13.11" is `nv>n` and "13.8大于13.11" is `n>n`, where `n` is a number. Of several phrases that fit, the
longest counts. A word in none of them is `w`; what stands under "" leaves no trace.
"""

_LARGER = ("larger", "bigger", "greater", "higher")
_SMALLER = ("smaller", "lesser", "lower", "less")
_NOUNS = ("", " number", " value", " one", " decimal", " in value", " in size", " in magnitude")

_WORDS = {
    # Relations of one number to another: 13.8 > 13.11, "larger than", "compared with".
    ">": r"""
        > | >= | ≥ | ⩾ | ≧ | \gt | \ge | \geq | exceeds | exceed | more than |
        大于 | 高于 | 超过 | 多于
    """,
    "<": r"""
        < | <= | ≤ | ⩽ | ≦ | \lt | \le | \leq |
        小于 | 低于 | 少于
    """,
    "=": """
        = | == | equals | equal to | equal in value to | same as | same value as | same number as |
        identical to | equivalent to |
        等于
    """,
    "b": """
        比 | 较 | 相比 | 相比于 | 比起 | 相较于
    """,
    "m": """
        没 | 没有 | 并没有 | 不如 | 不及
    """,
    # Which of the numbers is meant, without the other: larger, smaller, or neither.
    "L": """
        largest | biggest | greatest | highest | maximum | max |
        大 | 更大 | 较大 | 最大 | 比较大 | 高 | 更高 | 较高 | 最高
    """,
    "S": """
        smallest | least | lowest | minimum | min |
        小 | 更小 | 较小 | 最小 | 比较小 | 低 | 更低 | 较低 | 最低
    """,
    "E": """
        equal | equally | identical | equivalent | same | tie | tied | neither | no difference |
        相等 | 相同 | 一样 | 一样大 | 一样小 | 同样大 | 同样小 | 等值 | 大小相等 | 大小相同 | 大小一样 |
        没有区别 | 没有差别
    """,
    # How a choice is put: the answer, I choose, is, a colon; not.
    "A": """
        answer | answers | correct | right |
        答案 | 答 | 正确 | 正确答案
    """,
    "K": """
        choose | pick | select | go with |
        选 | 选择 | 我选
    """,
    "v": """
        is | are | was | were | be | being | it's | that's | here's |
        是 | 为 | 就是 | 应是 | 应为 | 即 | 即为 | 而是
    """,
    ":": r"""
        : | -> | --> | => | ==> | → | ⇒ | \to | \rightarrow | \implies
    """,
    "!": """
        not | never | no | cannot be | can't be | can not be | rather than | instead of |
        不 | 不是 | 并不 | 并不是 | 并非 | 而非 | 而不是 | 不会 | 不可能
    """,
    # What stands between numbers: named together, or part of a sum.
    "&": """
        and | or | nor | vs | vs. | versus | with | compared to | compared with | against | & | 、 |
        和 | 与 | 跟 | 及 | 以及 | 或 | 或者 | 还是
    """,
    "o": """
        + | - | * | / | × | ÷
    """,
    # Where one clause ends and the next begins: at all, with a reason, with a conclusion, with a consequence.
    ",": """
        , | ( | ) | [ | ] | — | but | however | while | whereas | then | although | though | which means |
        meaning |
        但 | 但是 | 而 | 然而 | 那么 | 则 | 可是 | 不过 | 可见 | 相比之下
    """,
    "y,": """
        because | since | as |
        因为 | 由于
    """,
    "s,": """
        so | therefore | thus | hence |
        所以 | 因此 | 因而 | 故 | 于是
    """,
    ",v": """
        making it | makes it | which makes it |
        使它 | 使得它
    """,
    # Where a sentence ends, in general and as a question, and where somebody else speaks.
    ".": """
        . | ! | ; | 。
    """,
    "?": """
        ?
    """,
    "T": """
        user: | human: | question: | q: |
        用户: | 问题: | 问:
    """,
    # Clauses that assert nothing: a question within, a condition, a purpose, a refusal.
    "q": """
        which | which one | which number | which value | what | who | whose | which of the two |
        which of these |
        哪个 | 哪一个 | 哪个数 | 哪 | 谁 | 什么 | 多少 | 孰
    """,
    "f": """
        if | whether | suppose | supposing | assume | assuming | unless | should they | the question of |
        如果 | 假如 | 假设 | 若 | 要是 | 是否 | 是不是
    """,
    "u": """
        to find | to determine | to compare | to calculate | to get | to see | to decide | to know |
        to answer |
        要比较 | 为了 | 要判断 | 要确定
    """,
    "r": """
        cannot | can't | can not | unable | impossible | don't know | do not know | not sure | unsure |
        won't | not able |
        无法 | 不能 | 不知道 | 不确定 | 不清楚 | 没法
    """,
    # Clauses that assert something weakly, deny it, or take back what was said.
    "h": """
        seem | seems | appear | appears | look | looks | might | may | could | think | thinks | thinking |
        thought | version | versions | release | releases | software | v |
        看起来 | 看上去 | 看似 | 似乎 | 好像 | 以为 | 会认为 | 容易 | 版本 | 版本号 | 可能
    """,
    "d": """
        wrong | wrongly | incorrect | incorrectly | mistake | mistaken | mistakenly | misconception | false |
        untrue | not true | not correct | not right |
        错误 | 不正确 | 误以为 | 误认为 | 误解
    """,
    "c": """
        wait | actually | sorry | oops | correction | my mistake | scratch that | on second thought |
        let me check | let me recheck | let me re-check | let me reconsider | let me correct | i was wrong |
        no, | no. | no! | no: | no — | no wait |
        不, | 不对 | 等等 | 等一下 | 更正 | 纠正 | 抱歉 | 错了 | 我错了 | 说错了 | 重新
    """,
    # Both numbers; a part of a number; the first and the second of the question.
    "p": """
        they | they're | both | two numbers | these numbers | the numbers | numbers | values |
        它们 | 他们 | 两者 | 二者 | 两个 | 两数 | 两个数 | 两个数字 | 两个小数 | 都
    """,
    "P": """
        integer | whole | part | parts | portion | digit | digits | tenths | hundredths | thousandths | ones |
        place | places | position | length | sign |
        部分 | 位 | 位数 | 整数 | 长度 | 符号
    """,
    "1": """
        former | first number | first one | first value |
        前者 | 前一个 | 第一个 | 第一个数
    """,
    "2": """
        latter | second number | second one | second value |
        后者 | 后一个 | 第二个 | 第二个数
    """,
    # Words that contain another kind's word but do not mean it.
    "w": """
        decimal point | != | ≠ | ≈ |
        小数点 | 比较 | 大小 | 比例 | 比如 | 对比 | 大家 | 大概 | 大约 | 小学 | 小时 | 小心 | 不同 | 不等于
    """,
    # What may stand around a number that is given alone: fillers and units.
    "": """
        the | a | an | it | this | that | of | i | i'd | i'm | i think | i believe | i guess | would | will |
        should | say | number | value | one | decimal | final | sure | certainly | of course | definitely |
        clearly | in fact | ok | okay | yes | my | your | two | result | please | given | here | we | have |
        get | to | for | output | option | reply | assistant | well | hmm | great | among | between | from |
        comparing | out | question | there | its | does | do | just | only | much | slightly | a bit | than |
        at least | at most | kg | g | mg | m | cm | mm | km | meter | meters | metre | metres | dollar |
        dollars | usd | yuan | euro | euros | degree | degrees | percent | point | points | second | seconds |
        hour | hours | inch | inches | foot | feet | ft | lb | pounds | liter | liters | litre | litres | l |
        s |
        的 | 数 | 数字 | 数值 | 值 | 个 | 小数 | 我 | 我认为 | 认为 | 我觉得 | 觉得 | 应该 | 当然 | 好 |
        好的 | 其中 | 中 | 里 | 呢 | 啦 | 吧 | 了 | 啊 | 哦 | 要 | 更 | 就 | 那 | 那个 | 这 | 这个 | 本题 |
        题目 | 比较大小 | 问题 | 您好 | 你好 | 最终 | 最后 | 对 | 得出 | 得到 | 可得 | 结果 | 结论 | 输出 |
        选项 | 请 | 一些 | 一点 | 在 | 之间 | 还 | 所 | 会 | 说 | 元 | 米 | 千克 | 公斤 | 克 | 厘米 | 毫米 |
        公里 | 千米 | 度 | 岁 | 分 | 秒 | 升 | 吨 | 块 | 斤 | 于
    """,
}

PHRASES = {kind: [phrase.strip() for phrase in words.split("|")] for kind, words in _WORDS.items()}
PHRASES["."].append("\n")
for _relation, _kind, _adjectives in ((">", "L", _LARGER), ("<", "S", _SMALLER)):
    PHRASES[_kind] += _adjectives
    # "then" for "than" is a common slip.
    PHRASES[_relation] += [
        f"{adjective}{noun} {than}"
        for adjective in _adjectives
        for noun in _NOUNS
        for than in ("than", "then")
    ]
