//! What a type must offer to be the value of a configuration key.

/// A value that can be written as text.
pub(super) trait Setting: Sized {
    /// What may be written, as people read it.
    fn values() -> String;

    /// The value of a text.
    fn parse(text: &str) -> Result<Self, Refusal>;

    /// The text of the value.
    fn show(&self) -> String;
}

/// Why a text is not a value.
#[derive(Debug, Default)]
pub(super) struct Refusal {
    /// What is wrong, where there is more to say than which values are taken.
    pub reason: Option<&'static str>,
    /// The valid text that was probably meant.
    pub nearest: Option<&'static str>,
}

impl Setting for usize {
    fn values() -> String {
        "a whole number from 1".into()
    }

    fn parse(text: &str) -> Result<Self, Refusal> {
        text.parse().ok().filter(|&count| count > 0).ok_or_else(Refusal::default)
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Setting for bool {
    fn values() -> String {
        "true | false".into()
    }

    fn parse(text: &str) -> Result<Self, Refusal> {
        text.parse().map_err(|_| Refusal { reason: None, nearest: nearest(text, ["true", "false"]) })
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

/// Declares an enum whose variants are written as names.
macro_rules! choices {
    ($(#[$doc:meta])* pub enum $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_doc])* #[doc = concat!("\n\nWritten `", $text, "`.")] $variant,)*
        }

        impl $name {
            /// Every choice, in the order of the declaration.
            pub const ALL: &'static [$name] = &[$($name::$variant),*];

            /// How it is written.
            pub const fn name(self) -> &'static str {
                match self { $($name::$variant => $text),* }
            }
        }

        impl Setting for $name {
            fn values() -> String {
                [$($text),*].join(" | ")
            }

            fn parse(text: &str) -> Result<Self, Refusal> {
                match text {
                    $($text => Ok($name::$variant),)*
                    _ => Err(Refusal { reason: None, nearest: setting::nearest(text, [$($text),*]) }),
                }
            }

            fn show(&self) -> String {
                self.name().to_owned()
            }
        }
    };
}
pub(super) use choices;

/// The name most like a text, if one is like it at all: at most half of its letters differ.
pub(super) fn nearest(text: &str, names: impl IntoIterator<Item = &'static str>) -> Option<&'static str> {
    let (distance, name) = names.into_iter().map(|name| (edit_distance(text, name), name)).min()?;
    (distance * 2 <= name.len()).then_some(name)
}

/// How many letters must be inserted, dropped or changed to make one text of the other.
fn edit_distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.chars().count()).collect();
    for (above, a) in left.chars().enumerate() {
        let mut diagonal = above;
        row[0] = above + 1;
        for (place, b) in right.chars().enumerate() {
            let changed = diagonal + usize::from(a != b);
            diagonal = row[place + 1];
            row[place + 1] = changed.min(diagonal + 1).min(row[place] + 1);
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edit_distances() {
        for (left, right, distance) in [("", "", 0), ("", "abc", 3), ("abc", "", 3), ("kitten", "sitting", 3), ("μs", "ms", 1)] {
            assert_eq!(edit_distance(left, right), distance, "{left} {right}");
        }
    }

    #[test]
    fn the_nearest_name_is_near() {
        assert_eq!(nearest("portabel", ["portable", "reference"]), Some("portable"));
        assert_eq!(nearest("cuda", ["portable", "reference"]), None);
    }
}
