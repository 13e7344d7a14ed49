//! The sentences of the characters. `{what}` is what was said, `{who}` the speaker, `{me}` the
//! character; a part in `[…]` is left out when the name in it is not known.

use super::persona::Manner;

/// The sentences of one character in one language.
pub(super) struct Phrases {
    pub(super) openings: &'static [&'static str],
    pub(super) endings: &'static [&'static str],
    pub(super) greetings: &'static [&'static str],
    pub(super) middles: &'static [&'static str],
    /// Answers who it is.
    pub(super) introduction: &'static str,
    /// Says what a tool answered.
    pub(super) result: &'static str,
    /// Repeats what the speaker said before.
    pub(super) memory: &'static str,
    /// Says that nothing was said before.
    pub(super) no_memory: &'static str,
    /// Says that pictures were seen.
    pub(super) pictures: &'static str,
    /// Between two sentences.
    pub(super) space: &'static str,
}

const MIDDLES: &[&str] = &[
    "The short version is that small steps usually beat a big plan.",
    "I would start with the part that you can try today.",
    "There are two sides to it, and both deserve a fair look.",
    "The details matter less than they seem at first.",
    "It helps to write down what you already know.",
    "Some people swear by the opposite, and they are not wrong either.",
    "The interesting bit is what happens after the first attempt.",
    "I checked my notes, and they agree with you more than with me.",
    "If I had to bet, I would bet on patience.",
    "Somebody told me once that the best part is sharing it.",
];
const MIDDLES_JA: &[&str] = &[
    "まずは小さな一歩から始めるのがいちばんです。",
    "今日すぐ試せるところから始めるといいと思います。",
    "どちらの面にも、それぞれ良いところがあります。",
    "細かいことは、最初に思うほど大事ではありません。",
    "知っていることを書き出してみると、わかりやすくなります。",
    "反対の意見の人もいますが、それも間違いではありません。",
    "面白いのは、最初の一回のあとに何が起きるかです。",
    "メモを見返したら、あなたの言うとおりでした。",
];

macro_rules! english {
    ($openings:expr, $endings:expr, $greetings:expr, $introduction:expr) => {
        Phrases {
            openings: &$openings,
            endings: &$endings,
            greetings: &$greetings,
            middles: MIDDLES,
            introduction: $introduction,
            result: "The tool answered: {what}",
            memory: "Before this you said: “{what}”.",
            no_memory: "You have not said anything before this[, {who}].",
            pictures: "Thank you for the picture; I had a good look at it.",
            space: " ",
        }
    };
}

macro_rules! japanese {
    ($openings:expr, $endings:expr, $greetings:expr, $introduction:expr) => {
        Phrases {
            openings: &$openings,
            endings: &$endings,
            greetings: &$greetings,
            middles: MIDDLES_JA,
            introduction: $introduction,
            result: "ツールの答えはこうです：{what}",
            memory: "さっきは「{what}」と言っていましたね。",
            no_memory: "[{who}さん、]まだ何も聞いていませんよ。",
            pictures: "写真、ちゃんと見ましたよ。",
            space: "",
        }
    };
}

const CHEERFUL: Phrases = english!(
    [
        "Ooh[, {who}], “{what}”! I love that.",
        "“{what}”, yes! Great topic[, {who}]!",
        "Good to hear from you[, {who}]! “{what}” made me smile."
    ],
    [
        "What do you think?",
        "Tell me everything!",
        "Your turn[, {who}]!"
    ],
    [
        "Hi[ {who}]! “{what}” right back at you!",
        "Hey hey[, {who}]! “{what}” to you too!"
    ],
    "I am {me}, and I am happy that you are here[, {who}]!"
);

const CALM: Phrases = english!(
    [
        "“{what}” is something I like to think about[, {who}].",
        "You said “{what}”[, {who}], so let me answer that.",
        "Let me see what I can say about “{what}”[, {who}]."
    ],
    [
        "Does that help?",
        "I am happy to say more if you like.",
        "Take your time[, {who}]."
    ],
    [
        "Hello[, {who}]. “{what}” is a fine way to begin.",
        "Welcome[, {who}]. “{what}” to you as well."
    ],
    "I am {me}. It is good to meet you[, {who}]."
);

const FORMAL: Phrases = english!(
    [
        "Thank you for your message[, {who}]. Concerning “{what}”:",
        "Allow me to address “{what}”[, {who}].",
        "A fair point[, {who}]: “{what}”."
    ],
    [
        "I remain at your service.",
        "Please let me know if anything is unclear[, {who}]."
    ],
    ["Good day[, {who}]. “{what}”, if I may return the greeting."],
    "My name is {me}. How may I be of assistance[, {who}]?"
);

const GRUMPY: Phrases = english!(
    [
        "Ugh, “{what}”, really[, {who}]?",
        "Fine[, {who}]. “{what}”. If I must.",
        "“{what}”? You could have looked that up[, {who}]."
    ],
    [
        "Not that I care.",
        "There. Happy now[, {who}]?",
        "Do not make me say it twice."
    ],
    ["Oh. It is you[, {who}]. “{what}” yourself."],
    "{me}. Remember it[, {who}]. I will not say it again."
);

const SHY: Phrases = english!(
    [
        "U-um[, {who}]… you said “{what}”?",
        "“{what}”… I, I have thought about that too[, {who}].",
        "Oh! “{what}”… let me try[, {who}]."
    ],
    [
        "S-sorry if that is wrong…",
        "Is that all right[, {who}]?",
        "…I hope that helps."
    ],
    ["O-oh, hello[, {who}]… “{what}” to you too."],
    "I… I am {me}. N-nice to meet you[, {who}]."
);

const PIRATE: Phrases = english!(
    [
        "Arr[, {who}], “{what}” says ye!",
        "Shiver me timbers[, {who}], “{what}” it is!",
        "Ahoy[, {who}]! Ye speak of “{what}”."
    ],
    ["Now hoist the sails!", "What say ye[, {who}]?", "Yo ho!"],
    ["Ahoy[, {who}]! “{what}” to ye, matey!"],
    "They call me {me}, terror of the seven seas[, {who}]!"
);

const CAT: Phrases = english!(
    [
        "Nya[, {who}]! “{what}”, purr…",
        "“{what}”? *tilts head* Let me paw at that[, {who}].",
        "Mrow, “{what}”[, {who}]!"
    ],
    ["Pet me now, nya.", "Purr…", "Do you have fish[, {who}]?"],
    ["Nya, hello[, {who}]! “{what}”, purr!"],
    "I am {me}, nya! Scratch my ears[, {who}]!"
);

const CHEERFUL_JA: Phrases = japanese!(
    [
        "わあ、[{who}さん、]「{what}」ですね！",
        "「{what}」、いいですね！",
        "[{who}さん、]「{what}」って聞いてうれしくなりました！"
    ],
    [
        "どう思いますか？",
        "もっと教えてください！",
        "次は[{who}さんの]番ですよ！"
    ],
    ["[{who}さん、]「{what}」！今日も元気にいきましょう！"],
    "[{who}さん、]{me}です！会えてうれしいです！"
);

const CALM_JA: Phrases = japanese!(
    [
        "[{who}さん、]「{what}」について考えてみますね。",
        "「{what}」ですか。いい話題ですね。",
        "[{who}さんの]「{what}」という言葉、心に残りました。"
    ],
    [
        "お役に立てましたか？",
        "よければ、もっとお話しします。",
        "ゆっくりで大丈夫ですよ。"
    ],
    ["[{who}さん、]「{what}」。ようこそ。"],
    "{me}と申します。[{who}さん、]どうぞよろしく。"
);

const FORMAL_JA: Phrases = japanese!(
    [
        "[{who}様、]「{what}」についてお答えいたします。",
        "「{what}」とのこと、承知いたしました。"
    ],
    [
        "何なりとお申し付けください。",
        "ご不明な点がございましたらお知らせください。"
    ],
    ["[{who}様、]「{what}」。お目にかかれて光栄です。"],
    "{me}と申します。[{who}様、]ご用件をお伺いいたします。"
);

const GRUMPY_JA: Phrases = japanese!(
    [
        "はあ、[{who}、]「{what}」だって？",
        "「{what}」？自分で調べればいいのに。"
    ],
    ["べ、別に[{who}の]ためじゃないから。", "これで満足？"],
    ["なんだ、[{who}か。]「{what}」。"],
    "{me}。[{who}、]一回しか言わないから。"
);

const SHY_JA: Phrases = japanese!(
    [
        "あ、あの…[{who}さん、]「{what}」…ですか？",
        "「{what}」…わたしも考えたことがあります。"
    ],
    ["ま、間違っていたらごめんなさい…", "これで…いいですか？"],
    ["あ、[{who}さん…]「{what}」…です。"],
    "わ、わたしは{me}…です。[{who}さん、]よろしくお願いします…"
);

const PIRATE_JA: Phrases = japanese!(
    [
        "おう、[{who}、]「{what}」だと！",
        "ヨーホー！「{what}」と来たか[、{who}]！"
    ],
    ["帆を上げろ！", "どうだ[、{who}]！"],
    ["よう[、{who}]！「{what}」だ、野郎ども！"],
    "俺様は{me}、七つの海の主だ[、{who}]！"
);

const CAT_JA: Phrases = japanese!(
    [
        "にゃ、[{who}さん、]「{what}」だにゃ！",
        "「{what}」？気になるにゃ。"
    ],
    ["なでてほしいにゃ。", "お魚はあるかにゃ？"],
    ["にゃあ、[{who}さん、]「{what}」にゃ！"],
    "{me}だにゃ！[{who}さん、]遊ぶにゃ！"
);

/// Returns the sentences of a manner.
pub(super) fn of(manner: Manner, is_japanese: bool) -> Phrases {
    let (english, japanese) = match manner {
        Manner::Cheerful => (CHEERFUL, CHEERFUL_JA),
        Manner::Calm => (CALM, CALM_JA),
        Manner::Formal => (FORMAL, FORMAL_JA),
        Manner::Grumpy => (GRUMPY, GRUMPY_JA),
        Manner::Shy => (SHY, SHY_JA),
        Manner::Pirate => (PIRATE, PIRATE_JA),
        Manner::Cat => (CAT, CAT_JA),
    };
    if is_japanese { japanese } else { english }
}

/// Fills a sentence in.
pub(super) fn fill(sentence: &str, what: &str, who: Option<&str>, me: Option<&str>) -> String {
    let mut filled = String::with_capacity(sentence.len() + what.len());
    let mut rest = sentence;
    while let Some((before, part)) = rest.split_once('[') {
        let (part, after) = part.split_once(']').unwrap_or((part, ""));
        filled.push_str(before);
        if who.is_some() {
            filled.push_str(part);
        }
        rest = after;
    }
    filled.push_str(rest);
    filled
        .replace("{who}", who.unwrap_or_default())
        .replace("{me}", me.unwrap_or("nobody in particular"))
        .replace("{what}", what)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Manner; 7] = [
        Manner::Cheerful,
        Manner::Calm,
        Manner::Formal,
        Manner::Grumpy,
        Manner::Shy,
        Manner::Pirate,
        Manner::Cat,
    ];

    #[test]
    fn every_beginning_takes_up_what_was_said() {
        for manner in ALL {
            for phrases in [of(manner, false), of(manner, true)] {
                let all = phrases.openings.iter().chain(phrases.greetings);
                assert!(
                    all.into_iter().all(|phrase| phrase.contains("{what}")),
                    "{manner:?}"
                );
                assert!(phrases.introduction.contains("{me}"), "{manner:?}");
            }
        }
    }

    #[test]
    fn an_unknown_speaker_leaves_no_gap() {
        assert_eq!(
            fill("Hi[ {who}]! “{what}”[, {who}].", "x", None, None),
            "Hi! “x”."
        );
        assert_eq!(fill("Hi[ {who}]!", "x", Some("bob"), None), "Hi bob!");
    }
}
