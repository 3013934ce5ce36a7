//! The rows of the table: what was measured of a case, who is best, and whether that is what is wanted.

use super::table::{Entry, Target};
use crate::limits::Limits;
use crate::measure::{Measurement, quantile};

/// A case on so many threads, measured by Damo and its peers.
#[derive(Clone, Debug)]
pub struct Row {
    /// The case.
    pub entry: Entry,
    /// Who measured it, and what in each round.
    pub results: Vec<(String, Vec<Measurement>)>,
    /// The bytes of an element.
    pub element: usize,
}

/// The titles of the columns.
pub const TITLES: [&str; 10] = ["case", "size", "damo", "best peer", "ratio", "fastest", "limit", "damo/limit", "wanted", "met"];
const WIDTHS: [usize; 10] = [14, 21, 10, 24, 7, 7, 10, 10, 14, 4];

/// Results that differ by more than this share are not of the same computation.
const TOLERANCE: f64 = 1e-2;
/// So many processors that others keep busy make a measurement doubtful.
const BUSY: f64 = 0.25;

impl Row {
    /// The median of the medians of one's rounds, in microseconds.
    pub fn time(&self, who: &str) -> Option<f64> {
        let (_, rounds) = self.results.iter().find(|(name, _)| name == who)?;
        let mut medians: Vec<f64> = rounds.iter().map(|round| round.median).collect();
        medians.sort_by(f64::total_cmp);
        (!medians.is_empty()).then(|| quantile(&medians, 0.5))
    }

    /// The fastest peer and its time.
    pub fn best_peer(&self) -> Option<(&str, f64)> {
        let peers = self.results.iter().filter(|(name, _)| name != "damo");
        let times = peers.filter_map(|(name, _)| Some((name.as_str(), self.time(name)?)));
        times.min_by(|(_, a), (_, b)| a.total_cmp(b))
    }

    /// Damo's fastest call by the fastest of any peer: what others that keep the machine busy disturb least.
    pub fn ratio_of_fastest(&self) -> Option<f64> {
        let fastest = |is_damo: bool| {
            let rounds = self.results.iter().filter(|(name, _)| (name == "damo") == is_damo).flat_map(|(_, rounds)| rounds);
            rounds.map(|round| round.fastest).min_by(f64::total_cmp)
        };
        Some(fastest(true)? / fastest(false)?)
    }

    /// What the machine needs at least.
    pub fn limit(&self, limits: &Limits) -> Option<f64> {
        self.entry.work.as_ref().map(|work| limits.microseconds(work, self.element))
    }

    /// Whether what is wanted is so; `None` if that cannot be told.
    pub fn is_met(&self, limits: &Limits) -> Option<bool> {
        let damo = self.time("damo")?;
        match self.entry.target? {
            Target::OfPeer(share) => Some(damo <= share * self.best_peer()?.1),
            Target::OfLimit(times) => Some(damo <= times * self.limit(limits)?),
            Target::Microseconds(most) => Some(damo <= most),
        }
    }

    /// Its cells.
    pub fn cells(&self, limits: &Limits) -> [String; 10] {
        let (damo, best, limit) = (self.time("damo"), self.best_peer(), self.limit(limits));
        let ratio = damo.zip(best).map(|(damo, (_, best))| damo / best);
        let to_limit = damo.zip(limit).map(|(damo, limit)| damo / limit);
        let wanted = self.entry.target.map(|target| match target {
            Target::OfPeer(share) => format!("<= {share} peer"),
            Target::OfLimit(times) => format!("<= {times} limit"),
            Target::Microseconds(most) => format!("<= {most} us"),
        });
        let text = |number: Option<f64>| number.map_or_else(String::new, digits);
        [
            self.entry.case.to_owned(),
            self.entry.size.clone(),
            text(damo),
            best.map_or_else(String::new, |(name, time)| format!("{} ({name})", digits(time))),
            ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}")),
            self.ratio_of_fastest().map_or_else(String::new, |ratio| format!("{ratio:.2}")),
            text(limit),
            to_limit.map_or_else(String::new, |ratio| format!("{ratio:.2}")),
            wanted.unwrap_or_default(),
            self.is_met(limits).map_or_else(String::new, |is_met| if is_met { "yes" } else { "no" }.to_owned()),
        ]
    }

    /// What is to be known of the row: whose results differ from those of most, and how busy others kept the machine.
    pub fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        for check in 0..2 {
            let of = |rounds: &[Measurement]| rounds.first().map(|round| round.checks[check]);
            let mut sums: Vec<f64> = self.results.iter().filter_map(|(_, rounds)| of(rounds)).collect();
            sums.sort_by(f64::total_cmp);
            let middle = quantile(&sums, 0.5);
            let differs = |sum: &f64| (sum - middle).abs() > TOLERANCE * middle.abs() || sum.is_nan();
            let others = self.results.iter().filter_map(|(name, rounds)| of(rounds).filter(differs).map(|sum| (name, sum)));
            remarks.extend(others.map(|(name, sum)| format!("{name} computed {sum:.6e} where most did {middle:.6e}")));
        }
        let busiest = self.results.iter().flat_map(|(_, rounds)| rounds).map(|round| round.foreign).fold(0.0, f64::max);
        if busiest > BUSY {
            remarks.push(format!("others kept up to {busiest:.2} processors busy"));
        }
        remarks
    }
}

/// The limits, the whole table, and how much of what is wanted is met.
pub fn summary(rows: &[Row], limits: &Limits) -> Vec<String> {
    let mut lines = self::limits(limits);
    lines.push(line(&TITLES));
    lines.extend(rows.iter().map(|row| line(&row.cells(limits))));
    let told: Vec<bool> = rows.iter().filter_map(|row| row.is_met(limits)).collect();
    lines.push(format!("{} of {} are as wanted", told.iter().filter(|&&is_met| is_met).count(), told.len()));
    lines
}

/// Cells as one line of text.
pub fn line<S: AsRef<str>>(cells: &[S; 10]) -> String {
    let padded = cells.iter().zip(WIDTHS).enumerate().map(|(column, (cell, width))| {
        let cell = cell.as_ref();
        if [2, 4, 5, 6, 7].contains(&column) { format!("{cell:>width$}") } else { format!("{cell:width$}") }
    });
    padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
}

/// A number of microseconds with three digits that count.
pub fn digits(number: f64) -> String {
    if number >= 100.0 {
        format!("{number:.0}")
    } else if number >= 10.0 {
        format!("{number:.1}")
    } else if number >= 1.0 {
        format!("{number:.2}")
    } else {
        format!("{number:.3}")
    }
}

/// The limits of the machine, one level a line.
pub fn limits(limits: &Limits) -> Vec<String> {
    let threads = limits.threads;
    let gigabytes = |rate: f64| format!("{:.1}", rate / 1e9);
    let mut lines = vec![format!(
        "{threads} thread(s): multiply-adds {:.1} GFLOP/s of float32, {:.1} of float64",
        limits.flops_f32 / 1e9,
        limits.flops_f64 / 1e9
    )];
    lines.extend(limits.levels.iter().map(|level| {
        let [copy, triad, read] = [level.copy, level.triad, level.read].map(gigabytes);
        format!("{threads} thread(s), arrays of {} bytes: copy {copy}, triad {triad}, read {read} GB/s", level.array)
    }));
    lines
}
