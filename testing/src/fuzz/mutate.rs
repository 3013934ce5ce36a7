//! Texts of graphs with faults planted: words, numbers and lines changed, moved, doubled and lost.

/// Random numbers (Steele, Lea and Flood 2014: splitmix64).
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// One with its seed.
    pub fn new(seed: u64) -> Self {
        Dice(seed)
    }

    /// Any number.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below another; 0 below 0.
    pub fn below(&mut self, limit: usize) -> usize {
        (self.roll() % limit.max(1) as u64) as usize
    }

    fn pick<'t>(&mut self, from: &[&'t str]) -> &'t str {
        from.get(self.below(from.len())).copied().unwrap_or_default()
    }
}

/// Words that mean something somewhere.
const WORDS: &[&str] = &[
    "f64",
    "f32",
    "f16",
    "bf16",
    "i64",
    "u8",
    "bool",
    "c64",
    "n",
    "m",
    "n+1",
    "2*n",
    "n*m",
    "floor(n,2)",
    "n-1",
    "0",
    "1",
    "2",
    "-1",
    "3",
    "9223372036854775807",
    "-9223372036854775808",
    "4294967296",
    "NaN",
    "inf",
    "-0.0",
    "1e999",
    "[]",
    "{}",
    "%0",
    "%1",
    "%2.1",
    "add",
    "sum",
    "reshape",
    "broadcast",
    "slice",
    "pad",
    "dot",
    "iota",
    "cast",
    "select",
    "concatenate",
    "softmax",
    "transpose",
    "max",
    "argument",
    "shared",
    "=",
    ",",
    ":",
    "\"",
    "#",
    "}",
    "{",
    "[",
    "]",
    "require n == m",
    "require n >= 2",
    "graph {",
    "return %0",
    "é",
    "0 by 0; n",
    "0 by -1; 2",
    "0:0",
];

/// A text with one to four faults planted; `other` is what pieces are taken from.
pub fn mutate(text: &str, other: &str, dice: &mut Dice) -> String {
    let mut text = text.to_owned();
    for _ in 0..=dice.below(4) {
        text = once(&text, other, dice);
    }
    text
}

fn once(text: &str, other: &str, dice: &mut Dice) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let others: Vec<&str> = other.lines().collect();
    let (first, second) = (dice.below(lines.len()), dice.below(lines.len()));
    if lines.is_empty() {
        return other.to_owned();
    }
    match dice.below(10) {
        0 => drop(lines.remove(first)),
        1 => lines.swap(first, second),
        2 => lines.insert(first, lines[second].clone()),
        3 if !others.is_empty() => others[dice.below(others.len())].clone_into(&mut lines[first]),
        // Types that are not written are inferred: what is wrong then is found by the ops.
        4 | 5 => lines.iter_mut().for_each(|line| *line = untyped(line)),
        6 => {
            let at = dice.below(lines[first].len() + 1);
            let at = (0..=at).rev().find(|&at| lines[first].is_char_boundary(at)).unwrap_or(0);
            lines[first].insert_str(at, dice.pick(WORDS));
        }
        _ => {
            lines[first] = replaced(&untyped(&lines[first]), dice);
            lines = lines.iter().map(|line| untyped(line)).collect();
        }
    }
    lines.join("\n") + "\n"
}

/// A line of a node without its comment and types.
fn untyped(line: &str) -> String {
    let line = line.split("   #").next().unwrap_or_default();
    match line.rsplit_once(" : ") {
        Some((call, _)) if line.trim_start().starts_with('%') => call.to_owned(),
        _ => line.to_owned(),
    }
}

/// One word of a line replaced by another.
fn replaced(line: &str, dice: &mut Dice) -> String {
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-');
    let mut words: Vec<(usize, usize)> = Vec::new();
    let mut start = None;
    for (at, c) in line.char_indices().chain([(line.len(), ' ')]) {
        match (is_word(c), start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                words.push((from, at));
                start = None;
            }
            _ => {}
        }
    }
    if words.is_empty() {
        return line.to_owned();
    }
    let (from, to) = words[dice.below(words.len())];
    let word = &line[from..to];
    let number = word.parse::<i64>().ok();
    let new = match (number, dice.below(4)) {
        (Some(number), 0) => number.wrapping_add(1).to_string(),
        (Some(number), 1) => number.wrapping_sub(1).to_string(),
        (Some(_), 2) => dice.below(4).to_string(),
        _ => dice.pick(WORDS).to_owned(),
    };
    format!("{}{new}{}", &line[..from], &line[to..])
}
