//! How programs are frozen and run: one plain struct, read in one place and passed by value.

mod numbers;
mod rewriting;
mod setting;
mod sources;

use std::fmt;
use std::path::PathBuf;

use damo_graph::Result;
pub use damo_passes::Policy;

pub use numbers::{Limit, Share};
pub use rewriting::Rules;
use setting::{Refusal, Setting, choices};
pub(crate) use sources::Origin;

choices! {
    /// How closely a program is watched while it runs.
    pub enum Mode {
        /// As fast as it can.
        #[default]
        Fast = "fast",
        /// Everything that a call does is checked: each step against what its ops mean, each rewrite, the memory, and that all is repeatable.
        Debug = "debug",
        /// The first op that makes NaN or infinity is an error that names it.
        NanGuard = "nan_guard",
        /// Each step is measured while it computes the same bits by the same plan: see [`Function::profile`](crate::Function::profile).
        Profile = "profile",
    }
}

choices! {
    /// The vector instructions that machine code is made of.
    pub enum Instructions {
        /// Those that have been tried most: AVX2, where the processor has it.
        #[default]
        Best = "best",
        /// Vectors of 256 bits: AVX2 and FMA.
        Avx2 = "avx2",
        /// Vectors of 512 bits: AVX-512 F, VL, DQ and BW.
        Avx512 = "avx512",
    }
}

choices! {
    /// What computes a frozen program.
    pub enum EngineChoice {
        /// Fused loops as machine code where the processor has AVX2 and FMA, or AVX-512; elsewhere as `portable`.
        #[default]
        Native = "native",
        /// Fused loops, interpreted tile by tile: runs on every machine.
        Portable = "portable",
        /// Every op by its meaning, one after another: slow, plain, and the judge of every other engine.
        Reference = "reference",
    }
}

/// Declares each key once: its documentation, name, type and default.
///
/// The struct, its default, its documentation, the parser, the list that errors print and the printed form are all made from it.
macro_rules! keys {
    ($($(#[doc = $about:literal])+ $name:ident: $ty:ty = $default:expr;)*) => {
        /// How programs are frozen and run.
        ///
        /// [`Config::from_env`] reads it, in rising order, from the defaults, from `damo.toml` in the working directory (or else
        /// `$HOME/.config/damo/damo.toml`), and from the variable `DAMO_FLAGS="engine=reference,verify=true"`. Code has the last word:
        ///
        /// ```
        /// use damo::{Config, EngineChoice};
        /// let config = Config { engine: EngineChoice::Reference, ..Config::from_env()? };
        /// # assert_eq!(config.engine, EngineChoice::Reference);
        /// # Ok::<(), damo::Error>(())
        /// ```
        ///
        /// An unknown key or a value that cannot be used is an error that names the key, where it was written, and the nearest valid name.
        ///
        /// | key | default | meaning |
        /// |---|---|---|
        $(#[doc = concat!("| `", stringify!($name), "` | `", stringify!($default), "` |", $($about,)+ " |")])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Config {
            $($(#[doc = $about])+ pub $name: $ty,)*
        }

        impl Default for Config {
            fn default() -> Self {
                Config { $($name: $default,)* }
            }
        }

        /// Every key, in the order of the declaration.
        const KEYS: &[Key] = &[$(Key {
            name: stringify!($name),
            about: concat!($($about),+),
            values: <$ty as Setting>::values,
            set: |config, text| {
                config.$name = Setting::parse(text)?;
                Ok(())
            },
            show: |config| config.$name.show(),
        }),*];
    };
}

keys! {
    /// How closely a program is watched while it runs.
    mode: Mode = Mode::Fast;
    /// What computes it.
    engine: EngineChoice = EngineChoice::Native;
    /// The vector instructions of the native engine. Sums may be rounded otherwise with others; freezing fails if the processor lacks them.
    instructions: Instructions = Instructions::Best;
    /// How many threads one call may use. The results have the same bits with any number.
    threads: usize = 1;
    /// How far rewriting may change floating-point results. Derivatives are taken of the stable form, whatever the policy.
    policy: Policy = Policy::Stable;
    /// The names of rewrite rules that may not fire when a program is frozen, joined by `+`.
    without: Rules = Rules::default();
    /// How many plans a function keeps, one for each set of lengths it was called with.
    plan_cache: usize = 16;
    /// In debug mode: the share of calls that is checked, the first among them.
    debug_sample: Share = Share::ALL;
    /// In debug mode: whether a call ends with an error at a fault. Otherwise it goes on, and `Function::findings` tells.
    debug_raise: bool = true;
    /// In the mode `nan_guard`: numbers beyond it are errors too.
    guard_limit: Limit = Limit::FINITE;
    /// Whether every graph and plan is verified in release builds too. Debug builds always do.
    verify: bool = false;
}

/// A key of the configuration.
struct Key {
    name: &'static str,
    about: &'static str,
    values: fn() -> String,
    set: fn(&mut Config, &str) -> Result<(), Refusal>,
    show: fn(&Config) -> String,
}

impl Config {
    /// The configuration of this machine and directory: defaults, then `damo.toml`, then `DAMO_FLAGS`.
    ///
    /// # Errors
    ///
    /// `ErrorKind::Config` for a key or value that is wrong, `ErrorKind::Io` for a file that is there and cannot be read.
    pub fn from_env() -> Result<Config> {
        // The only place where Damo reads the environment.
        let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".config/damo/damo.toml"));
        let file = sources::first_file([Some(PathBuf::from("damo.toml")), home].into_iter().flatten())?;
        let flags = std::env::var_os("DAMO_FLAGS").map(|flags| flags.to_string_lossy().into_owned());
        Config::from_sources(file.as_ref().map(|(path, text)| (path.as_str(), text.as_str())), flags.as_deref())
    }

    /// The configuration that a file, given by its path and text, and then flags make of the defaults.
    ///
    /// ```
    /// use damo::Config;
    /// let config = Config::from_sources(Some(("damo.toml", "threads = 2\nplan_cache = 4")), Some("threads=1"))?;
    /// assert_eq!(config, Config { plan_cache: 4, ..Config::default() });
    /// # Ok::<(), damo::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `ErrorKind::Config` for a text that is not TOML or not a list of `key=value`, a key that is not there or is given twice, and a
    /// value that the key does not take.
    pub fn from_sources(file: Option<(&str, &str)>, flags: Option<&str>) -> Result<Config> {
        let mut config = Config::default();
        if let Some((path, text)) = file {
            sources::read_file(path, text, &mut config)?;
        }
        if let Some(flags) = flags {
            sources::read_flags(flags, &mut config)?;
        }
        Ok(config)
    }

    /// Every key with the values it takes, its default and what it means, one a line: what a program prints under `--help`.
    pub fn help() -> String {
        let default = Config::default();
        let rows = KEYS.iter().map(|key| [key.name.to_owned(), (key.values)(), (key.show)(&default), key.about.trim().to_owned()]);
        let rows: Vec<_> = [["key", "values", "default", "meaning"].map(str::to_owned)].into_iter().chain(rows).collect();
        let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
        let [name, values, default] = [width(0), width(1), width(2)];
        let lines: Vec<_> = rows.iter().map(|[a, b, c, d]| format!("{a:name$}  {b:values$}  {c:default$}  {d}")).collect();
        lines.join("\n")
    }

    /// What it says to the passes.
    pub(crate) fn passes(&self) -> damo_passes::Settings {
        damo_passes::Settings { policy: self.policy, without: self.without.names().to_vec(), verify: self.verify, ..damo_passes::Settings::default() }
    }

    /// What it asks of the engines.
    pub(crate) fn options(&self) -> damo_exec::Options {
        let engine = match self.engine {
            EngineChoice::Native => damo_exec::Engine::Native,
            EngineChoice::Portable => damo_exec::Engine::Portable,
            EngineChoice::Reference => damo_exec::Engine::Reference,
        };
        let watch = match self.mode {
            Mode::Fast => damo_exec::Watch::Off,
            Mode::Debug => damo_exec::Watch::Debug { every: self.debug_sample.every(), raises: self.debug_raise, cuts_down: true },
            Mode::NanGuard => damo_exec::Watch::Guard { limit: self.guard_limit.number() },
            Mode::Profile => damo_exec::Watch::Profile,
        };
        let instructions = match self.instructions {
            Instructions::Best => None,
            Instructions::Avx2 => Some(damo_exec::InstructionSet::Avx2),
            Instructions::Avx512 => Some(damo_exec::InstructionSet::Avx512),
        };
        damo_exec::Options { engine, instructions, threads: self.threads, plan_cache: self.plan_cache, verify: self.verify, watch, shake: None }
    }

    /// Gives a key a value, both as written.
    pub(crate) fn set(&mut self, key: &str, value: &str, origin: &Origin<'_>) -> Result<()> {
        // A group of keys may be written `debug.sample`.
        let name = key.replace('.', "_");
        let known = KEYS.iter().find(|known| known.name == name).ok_or_else(|| sources::unknown_key(key, KEYS, origin))?;
        (known.set)(self, value).map_err(|refusal| sources::bad_value(known, value, &refusal, origin))
    }
}

/// In the form of `DAMO_FLAGS`, which reads it back.
impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, key) in KEYS.iter().enumerate() {
            let separator = if place == 0 { "" } else { "," };
            write!(f, "{separator}{}={}", key.name, (key.show)(self))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use damo_graph::ErrorKind;

    fn message(file: Option<&str>, flags: Option<&str>) -> String {
        let error = Config::from_sources(file.map(|text| ("damo.toml", text)), flags).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        error.to_string()
    }

    #[test]
    fn later_sources_win() {
        let config = Config::from_sources(Some(("damo.toml", "engine = \"reference\"\nthreads = 3\n")), Some("threads=2, verify=true,")).unwrap();
        assert_eq!(config, Config { engine: EngineChoice::Reference, threads: 2, verify: true, ..Config::default() });
        assert_eq!(Config::from_sources(None, None).unwrap(), Config::default());
        assert_eq!(Config::from_sources(Some(("damo.toml", "")), Some("")).unwrap(), Config::default());
    }

    #[test]
    fn printed_configurations_read_back() {
        for (engine, policy) in EngineChoice::ALL.iter().zip(Policy::ALL) {
            let without = ["like_terms", "log_of_exp"].into_iter().collect();
            let config = Config { engine: *engine, policy, without, threads: 7, verify: true, ..Config::default() };
            assert_eq!(Config::from_sources(None, Some(&config.to_string())).unwrap(), config);
        }
    }

    #[test]
    fn debug_mode_is_a_flag() {
        let config = Config::from_sources(Some(("damo.toml", "debug_sample = 0.01\n")), Some("mode=debug,debug.raise=false")).unwrap();
        assert_eq!((config.mode, config.debug_sample.every(), config.debug_raise), (Mode::Debug, 100, false));
        let config = Config::from_sources(None, Some("mode=nan_guard,guard.limit=1e6")).unwrap();
        assert_eq!((config.mode, config.guard_limit.number()), (Mode::NanGuard, 1e6));
        expect(&message(None, Some("debug.sample=2")), &["`debug_sample` cannot be `2`", "a share of 1, more than 0"]);
        expect(&message(None, Some("guard.limit=-1")), &["a positive number"]);
    }

    #[test]
    fn unknown_keys_name_the_nearest() {
        expect(
            &message(None, Some("engine=portable,thread=2")),
            &["unknown key `thread` in `DAMO_FLAGS`", "mode, engine, instructions, threads", "did you mean `threads`?"],
        );
        expect(&message(Some("# mine\nplan-cache = 2"), None), &["unknown key `plan-cache` at damo.toml:2:1", "did you mean `plan_cache`?"]);
        expect(&message(Some("[engine]\nname = \"portable\""), None), &["damo.toml:1:2", "`engine`", "a table"]);
        assert!(!message(None, Some("zzzzzzzzz=1")).contains("did you mean"));
    }

    #[test]
    fn bad_values_say_what_is_taken() {
        expect(&message(None, Some("threads=0")), &["`threads` cannot be `0`, in `DAMO_FLAGS`", "a whole number from 1"]);
        expect(&message(Some("threads = -1"), None), &["`-1`, at damo.toml:1:11", "a whole number from 1"]);
        expect(&message(Some("verify = 1"), None), &["damo.toml:1:10", "true | false"]);
        expect(&message(None, Some("engine=refrence")), &["portable | reference", "did you mean `reference`?"]);
        expect(&message(None, Some("instructions=avx-512")), &["best | avx2 | avx512", "did you mean `avx512`?"]);
        expect(&message(None, Some("policy=stabel")), &["strict | stable | fast", "did you mean `stable`?"]);
        expect(&message(None, Some("without=like_terms+log_of_exps")), &["no rule of that name", "did you mean `log_of_exp`?"]);
        expect(&message(None, Some("threads=99999999999999999999")), &["a whole number from 1"]);
        expect(&message(Some("threads = [1]"), None), &["an array"]);
    }

    #[test]
    fn profile_mode_is_a_flag() {
        assert_eq!(Config::from_sources(None, Some("mode=profile")).unwrap().mode, Mode::Profile);
        expect(&message(None, Some("mode=profil")), &["fast | debug | nan_guard | profile", "did you mean `profile`?"]);
        expect(&message(Some("engine = \"jit\""), None), &["native | portable | reference"]);
    }

    #[test]
    fn malformed_texts_are_errors() {
        expect(&message(None, Some("verify")), &["`verify`", "`DAMO_FLAGS`", "key=value"]);
        expect(&message(None, Some("threads=1,threads=2")), &["`threads` is given twice in `DAMO_FLAGS`"]);
        expect(&message(Some("threads = 1\nthreads = 2"), None), &["damo.toml:2:1", "duplicate key"]);
        expect(&message(Some("threads ="), None), &["damo.toml:1:10"]);
    }

    #[test]
    fn help_lists_every_key() {
        let help = Config::help();
        for key in KEYS {
            assert!(help.contains(key.name) && help.contains(key.about.trim()), "{help}");
        }
    }

    fn expect(message: &str, parts: &[&str]) {
        for part in parts {
            assert!(message.contains(part), "`{part}` is not in:\n{message}");
        }
    }
}
