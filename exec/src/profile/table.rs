//! A profile as tables for people: where the time goes, the steps, the lines.

use std::cmp::Reverse;
use std::fmt;
use std::time::Duration;

use damo_graph::Source;

use super::{Measure, PlanProfile, Profile, StepProfile, few, per};

/// So many plans are shown, the most expensive first, if they take this share of the time.
const MOST_SHOWN: usize = 4;
const LEAST_SHARE: f64 = 0.01;

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.source.map_or_else(String::new, |source| format!(" of the function at {source}"));
        let threads = if self.threads == 1 { "1 thread".to_owned() } else { format!("{} threads", self.threads) };
        writeln!(f, "profile{place}: {}, {threads}", self.engine)?;
        let failed = if self.failed_calls == 0 { String::new() } else { format!("; {} more failed", count(self.failed_calls)) };
        writeln!(f, "  {} calls in {}, {} each{failed}", count(self.calls), short(self.time), short(self.time_per_call()))?;
        let [made, found] = [self.plans_made, self.plans_found].map(count);
        writeln!(f, "  plans: {made} made, {found} found; a call takes at most {} of memory", bytes(self.peak_bytes() as f64))?;
        if !self.passes.is_empty() {
            let each: Vec<String> = self.passes.iter().map(|pass| format!("{} {}", pass.pass, short(pass.time))).collect();
            writeln!(f, "  frozen in {}: {}", short(self.passes.iter().map(|pass| pass.time).sum()), each.join(", "))?;
        }
        self.write_phases(f)?;
        let mut plans: Vec<&PlanProfile> = self.plans.iter().collect();
        plans.sort_by_key(|plan| Reverse(plan.time));
        let shown = plans.iter().take(MOST_SHOWN).take_while(|plan| self.share(plan.time) >= LEAST_SHARE).count().max(plans.len().min(1));
        let (shown, hidden) = plans.split_at(shown);
        shown.iter().try_for_each(|plan| self.write_plan(plan, f))?;
        self.write_remarks(hidden, f)?;
        self.write_lines(f)?;
        self.write_limits(f)
    }
}

impl Profile {
    fn write_phases(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let about = |name| match name {
            "waiting" => "waiting for other calls, reading states",
            "finding" => "looking at the arguments, finding the plan",
            "making" => "looking at the arguments, making a plan",
            "preparing" => "making room for results and between steps",
            "steps" => "steps",
            _ => "giving results, changing states",
        };
        let mut table = Table::new(&[("share", true), ("time", true), ("per call", true), ("", false)]);
        for (name, time) in self.phases.named() {
            table.row([percent(self.share(time)), short(time), short(per(time, self.calls)), about(name).to_owned()]);
        }
        write!(f, "\nwhere the time of calls goes\n{table}")
    }

    fn write_plan(&self, plan: &PlanProfile, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lengths: Vec<String> = plan.lengths.iter().map(|(name, length)| format!("{name} = {length}")).collect();
        let lengths = if lengths.is_empty() { "known lengths".to_owned() } else { lengths.join(", ") };
        let calls = if plan.calls == 1 { "1 call".to_owned() } else { format!("{} calls", count(plan.calls)) };
        let memory = plan.memory;
        writeln!(f, "\nsteps of the plan for {lengths}: {calls}, {} each", short(per(plan.time, plan.calls)))?;
        let [arena, bound, scratch, results] = [memory.arena, memory.arena_bound, memory.scratch, memory.results].map(|size| bytes(size as f64));
        writeln!(f, "  memory: arena {arena} (at least {bound}), scratch {scratch}, results {results}")?;
        let mut table = Table::new(&columns("fastest", "step", "from"));
        let mut steps: Vec<(usize, &StepProfile)> = plan.steps.iter().enumerate().collect();
        steps.sort_by_key(|(_, step)| Reverse(step.measure.time));
        for (at, step) in steps {
            table.row(self.cells(&step.measure, short(step.fastest), &format!("{at}. {}", step.title()), &from(&step.sources)));
            for part in &step.parts {
                table.row(self.cells(&part.measure, short(part.fastest), &format!("   - {}", part.title()), &from(&part.sources)));
            }
        }
        write!(f, "{table}")
    }

    fn write_remarks(&self, hidden: &[&PlanProfile], f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !hidden.is_empty() {
            let (calls, time) = (hidden.iter().map(|plan| plan.calls).sum::<u64>(), hidden.iter().map(|plan| plan.time).sum());
            writeln!(f, "\n{} more plans: {} calls in {}", hidden.len(), count(calls), short(time))?;
        }
        if self.unlisted_calls > 0 {
            writeln!(f, "\n{} calls ran still other plans, whose steps are not listed", count(self.unlisted_calls))?;
        }
        if self.untraced_calls > 0 {
            writeln!(f, "\nthe trace lacks the last {} calls", count(self.untraced_calls))?;
        }
        Ok(())
    }

    fn write_lines(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.lines.is_empty() {
            return Ok(());
        }
        let mut table = Table::new(&columns("time", "line", "computes"));
        for line in &self.lines {
            let place = line.source.map_or_else(|| "no line".to_owned(), |source| format!("{}:{}", source.file, source.line));
            table.row(self.cells(&line.measure, short(line.measure.time), &place, &few(&line.ops)));
        }
        write!(f, "\nlines\n{table}")
    }

    fn write_limits(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let copy: Vec<String> =
            self.limits.copy.iter().map(|level| format!("{} GB/s of {}", digits(level.bandwidth / 1e9), bytes(level.bytes as f64))).collect();
        let [single, double] = [self.limits.flops_f32, self.limits.flops_f64].map(|flops| digits(flops / 1e9));
        writeln!(f, "\nlimits of this machine, measured now: copying {}; {single} GFLOP/s of f32, {double} of f64", copy.join(", "))
    }

    /// The cells of a measure, with another after the time per call, and two at the end.
    fn cells(&self, measure: &Measure, second: String, what: &str, of: &str) -> [String; 10] {
        let moved = measure.bytes_read + measure.bytes_written;
        let rate = |rate: f64| if rate > 0.0 { digits(rate / 1e9) } else { String::new() };
        let limit = |share: f64| if share > 0.0 { format!("{:.0} %", 100.0 * share) } else { String::new() };
        [
            percent(self.share(measure.time)),
            short(per(measure.time, measure.calls)),
            second,
            bytes(if measure.calls == 0 { 0.0 } else { moved / measure.calls as f64 }),
            rate(measure.bandwidth()),
            limit(measure.of_copy()),
            rate(measure.flops_per_second()),
            limit(measure.of_peak()),
            what.to_owned(),
            of.to_owned(),
        ]
    }
}

/// The columns of a table of measures: name, and whether they end at the right.
const fn columns(second: &'static str, what: &'static str, of: &'static str) -> [(&'static str, bool); 10] {
    [
        ("share", true),
        ("per call", true),
        (second, true),
        ("bytes", true),
        ("GB/s", true),
        ("of copy", true),
        ("GFLOP/s", true),
        ("of peak", true),
        (what, false),
        (of, false),
    ]
}

/// Lines in a word or few: the first, and how many more.
fn from(sources: &[Source]) -> String {
    let mut lines: Vec<String> = sources.iter().map(|source| format!("{}:{}", source.file, source.line)).collect();
    lines.dedup();
    match lines.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [first, rest @ ..] => format!("{first} and {} more", rest.len()),
    }
}

/// Three digits.
fn digits(number: f64) -> String {
    match number {
        number if number < 9.995 => format!("{number:.2}"),
        number if number < 99.95 => format!("{number:.1}"),
        number => format!("{number:.0}"),
    }
}

fn short(time: Duration) -> String {
    let nanoseconds = time.as_secs_f64() * 1e9;
    match nanoseconds {
        n if n < 999.5 => format!("{n:.0} ns"),
        n if n < 999_500.0 => format!("{} µs", digits(n / 1e3)),
        n if n < 999_500_000.0 => format!("{} ms", digits(n / 1e6)),
        n => format!("{} s", digits(n / 1e9)),
    }
}

fn bytes(bytes: f64) -> String {
    match bytes {
        b if b < 1023.5 => format!("{b:.0} B"),
        b if b < 1023.5 * 1024.0 => format!("{} KiB", digits(b / 1024.0)),
        b if b < 1023.5 * 1024.0 * 1024.0 => format!("{} MiB", digits(b / 1024.0 / 1024.0)),
        b => format!("{} GiB", digits(b / 1024.0 / 1024.0 / 1024.0)),
    }
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// A count with its thousands apart.
fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Rows of cells under names, as wide as they need.
struct Table<const N: usize> {
    columns: [(&'static str, bool); N],
    rows: Vec<[String; N]>,
}

impl<const N: usize> Table<N> {
    fn new(columns: &[(&'static str, bool); N]) -> Self {
        Table { columns: *columns, rows: Vec::new() }
    }

    fn row(&mut self, cells: [String; N]) {
        self.rows.push(cells);
    }
}

impl<const N: usize> fmt::Display for Table<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = self.columns.map(|(name, _)| name.to_owned());
        let rows = || std::iter::once(&head).chain(&self.rows);
        let widths: [usize; N] = std::array::from_fn(|column| rows().map(|row| row[column].chars().count()).max().unwrap_or(0));
        for row in rows() {
            let cells = row.iter().zip(&self.columns).zip(widths).map(
                |((cell, (_, is_right)), width)| {
                    if *is_right { format!("{cell:>width$}") } else { format!("{cell:width$}") }
                },
            );
            writeln!(f, "  {}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits() {
        let times = [0, 999, 1_000, 9_994, 99_960, 999_600, 1_234_567, 61_000_000_000].map(|n| short(Duration::from_nanos(n)));
        assert_eq!(times, ["0 ns", "999 ns", "1.00 µs", "9.99 µs", "100 µs", "1.00 ms", "1.23 ms", "61.0 s"]);
        assert_eq!([0.0, 1023.0, 1024.0, 3e6, 5e9].map(bytes), ["0 B", "1023 B", "1.00 KiB", "2.86 MiB", "4.66 GiB"]);
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn columns_are_as_wide_as_they_need() {
        let mut table = Table::new(&[("n", true), ("what", false)]);
        table.row(["1".to_owned(), "a long one".to_owned()]);
        table.row(["100 µs".to_owned(), String::new()]);
        assert_eq!(table.to_string(), "       n  what\n       1  a long one\n  100 µs\n");
    }
}
