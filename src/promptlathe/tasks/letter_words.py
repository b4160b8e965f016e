"""The words and phrases that `letter-count` asks about. Sealed cases have words of their own."""

OPEN_WORDS = tuple(
    """
    strawberry blueberry cranberry cherry carrot pepper parsley tomato potato cabbage lettuce cucumber pumpkin
    banana papaya mango coconut apricot avocado pineapple melon pear lemon orange raspberry walnut almond
    letter paper pencil eraser ruler blackboard classroom teacher student homework lesson library dictionary
    address appetite apple balloon bottle butter button coffee cookie dinner supper kettle kitchen spoon
    mirror window curtain carpet cushion pillow blanket mattress drawer cupboard hammer ladder rabbit
    squirrel kangaroo giraffe elephant crocodile hippopotamus penguin parrot sparrow swallow buffalo camel
    committee success process progress accident tattoo occurrence tomorrow yesterday embarrass necessary
    mississippi tennessee alabama massachusetts philadelphia cincinnati barcelona madagascar canada bahamas
    assessment possesses excellence independence refrigerator divisibility civilization nevertheless
    carelessness individuality voodoo beekeeper abracadabra caravan panorama barbarian terror error barrier
    bubble puppy fluff scissors session classes discuss attention attitude funny innocent connection mammoth
    parallel volleyball lullaby football bookkeeper assassin happiness bitterness engineer committed
    remembered effervescence casablanca casual music garden bridge river mountain valley desert island ocean
    planet rocket satellite telescope microscope thermometer umbrella raincoat thunder lightning hurricane
    weather autumn summer winter spring holiday birthday present candle chocolate biscuit sandwich sugar
    alaska pajamas paraguay guatemala invitation definition institution visibility experience therefore telephone
    emergency september element evidence reference preference presence delete extreme everywhere monotonous
    locomotion motorboat photocopy protocol statistics substitute minimum momentum unusual suspense sisters
    nonsense monopoly
    """.split()  # noqa: SIM905 - a table of words
)

SEALED_WORDS = tuple(
    """
    gooseberry elderberry blackberry mulberry berry spinach broccoli cauliflower zucchini eggplant radish
    celery ginger garlic onion mushroom olive grape peach plum nectarine tangerine hazelnut pistachio cashew
    notebook sharpener compass calculator projector professor lecture grammar spelling sentence paragraph
    puddle paddle middle riddle saddle cattle battle bottom cotton common summit hammock hobby lobby cabbages
    wallet purse jacket trousers slippers stocking necklace bracelet earring glasses compartment apartment
    tiger leopard panther antelope raccoon opossum chimpanzee gorilla mosquito cockroach grasshopper butterfly
    possession aggression accommodation millennium misspelling questionnaire correspond interrupt irrigation
    sacramento minneapolis saskatchewan hawaii caribbean mediterranean amsterdam casablancas panama jamaica
    senselessness businesses degenerate reverberate invisibility possibilities perseverance defenseless
    weaknesses initiation cocoon foolproof sweetener alphabetical catamaran salamander mascara horror terrorist
    carrier referral babble poppy stress princesses dismissal assistant attest statuette cannon running antenna
    tennis hillbilly basketball baseball excessively bubblegum massless loneliness greenness committees
    indivisible sleeplessness rhinoceros saxophone trumpet violin orchestra symphony melody rhythm concert
    theatre museum gallery painting sculpture harbour lighthouse railway station airport passenger luggage
    hospital doctor nurse medicine bandage pharmacy surgeon dentist patient treatment vegetables carpenter
    tanzania alabaster sahara anagram malaysia limitation imitation intuition december envelope severe electrode
    precedence interference competence intelligence november monologue horoscope orthodox testament statement
    maximum tumultuous synopsis unknown
    """.split()  # noqa: SIM905 - a table of words
)

OPEN_PHRASES = tuple(
    """
    天天向上 人山人海 人人为我 我为人人 大大小小 一心一意 百发百中 自言自语 自由自在 十全十美
    千千万万 上上下下 高高兴兴 快快乐乐
    不知不觉 无忧无虑 有说有笑 多才多艺 井井有条 津津有味 步步高升 欣欣向荣 日日夜夜 年年有余
    花花草草 山清水秀 水到渠成 学而时习
    春暖花开 风和日丽 雨过天晴 天下太平 天高地厚 地久天长 山高水长 人来人往 以人为本 有始有终
    大同小异 小题大做 心心相印 一生一世
    """.split()  # noqa: SIM905 - a table of phrases
)

SEALED_PHRASES = tuple(
    """
    说说笑笑 来来往往 轰轰烈烈 干干净净 明明白白 清清楚楚 平平安安 开开心心 家家户户 时时刻刻
    口口声声 原原本本 三三两两 实实在在
    全心全意 亲手亲为 相亲相爱 先来后到 古色古香 能歌善舞 同心同德 再三再四 善始善终 知己知彼
    各式各样 多种多样 可歌可泣 绘声绘色
    手舞足蹈 心口如一 三心二意 家和事兴 安居乐业 平易近人 白手起家 时来运转 声东击西 来日方长
    明察秋毫 清风明月 口是心非 两全其美
    """.split()  # noqa: SIM905 - a table of phrases
)
