//! The order found by a beam: of all ways to run so many steps, the few that held least memory so far are gone on with.
//!
//! Two ways that have run the same steps differ only in what they held, and the better one is kept, as in the exact search of Ahn et al.,
//! "Ordering Chaos: Memory-Aware Scheduling of Irregularly Wired Neural Networks for Edge Devices" (2020), which this one narrows.

use smallvec::SmallVec;

use super::Users;

/// How many ways are gone on with.
const WIDEST: usize = 16;
/// The way is narrower, or there is none, where so much would have to be copied: about a millisecond.
const MOST_COPIED: usize = 1 << 20;

/// Some of the steps, run in some order.
#[derive(Default)]
struct Way {
    /// The most bytes that it held.
    peak: i64,
    /// The bytes it holds.
    alive: i64,
    /// How many more steps will use each buffer.
    uses_left: Vec<u32>,
    /// How many steps each step waits for.
    waiting: Vec<u32>,
    /// The steps that may run next.
    ready: Vec<u32>,
    /// A number for the set of its steps.
    set: u64,
    /// Its last step, by its place in the trail.
    last: Option<usize>,
}

impl Way {
    /// Becomes another, in its own memory.
    fn follow(&mut self, other: &Way) {
        self.uses_left.clone_from(&other.uses_left);
        self.waiting.clone_from(&other.waiting);
        self.ready.clone_from(&other.ready);
    }
}

/// An order that holds little memory; `None` where the search would take too long.
pub(super) fn beam(users: &Users) -> Option<Vec<usize>> {
    let count = users.of_step.len();
    let width = WIDEST.min(MOST_COPIED / (count * count).max(1));
    if width < 2 {
        return None;
    }
    let uses: Vec<SmallVec<[usize; 6]>> =
        users.of_step.iter().map(|used| used.iter().copied().filter(|&buffer| users.bytes[buffer] > 0).collect()).collect();
    let uses_left: Vec<u32> = users.of_buffer.iter().map(|steps| steps.len() as u32).collect();
    let waiting: Vec<u32> = users.before.iter().map(|steps| steps.len() as u32).collect();
    let ready = (0..count as u32).filter(|&step| waiting[step as usize] == 0).collect();
    let mut ways = vec![Way { peak: 0, alive: 0, uses_left, waiting, ready, set: 0, last: None }];
    // Each step of a way, with the one before it.
    let mut trail: Vec<(Option<usize>, usize)> = Vec::new();
    // What follows is kept only for its memory.
    let (mut next, mut spare): (Vec<Way>, Vec<Way>) = (Vec::with_capacity(width), Vec::new());
    let mut further: Vec<(i64, i64, usize, usize)> = Vec::new();
    let mut seen: SmallVec<[u64; WIDEST]> = SmallVec::new();
    for _ in 0..count {
        further.clear();
        seen.clear();
        for (number, way) in ways.iter().enumerate() {
            for &step in &way.ready {
                let (mut begins, mut ends) = (0, 0);
                for &buffer in &uses[step as usize] {
                    let left = way.uses_left[buffer];
                    begins += if left as usize == users.of_buffer[buffer].len() { users.bytes[buffer] } else { 0 };
                    ends += if left == 1 { users.bytes[buffer] } else { 0 };
                }
                further.push((way.peak.max(way.alive + begins), way.alive + begins - ends, step as usize, number));
            }
        }
        further.sort_unstable();
        for &(peak, alive, step, number) in &further {
            let set = ways[number].set ^ mark(step);
            if seen.contains(&set) {
                continue;
            }
            seen.push(set);
            let mut way = spare.pop().unwrap_or_default();
            way.follow(&ways[number]);
            (way.peak, way.alive, way.set, way.last) = (peak, alive, set, Some(trail.len()));
            trail.push((ways[number].last, step));
            way.ready.retain(|&other| other as usize != step);
            for &buffer in &uses[step] {
                way.uses_left[buffer] -= 1;
            }
            for &after in &users.after[step] {
                way.waiting[after] -= 1;
                if way.waiting[after] == 0 {
                    way.ready.push(after as u32);
                }
            }
            next.push(way);
            if next.len() == width {
                break;
            }
        }
        std::mem::swap(&mut ways, &mut next);
        spare.append(&mut next);
    }
    let mut order = Vec::with_capacity(count);
    let mut last = ways.first()?.last;
    while let Some(place) = last {
        let (before, step) = trail[place];
        order.push(step);
        last = before;
    }
    order.reverse();
    Some(order)
}

/// A number for a step; those of a set, combined, stand for the set.
fn mark(step: usize) -> u64 {
    let mixed = (step as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ mixed >> 31
}
