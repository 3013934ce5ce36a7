//! Orders against the best there is, which is found by looking at all of them.

use std::collections::BTreeSet;

use super::{Users, best};

/// Steps of which each writes one buffer, of so many bytes, and reads those of others.
fn program(sizes: &[usize], reads: &[Vec<usize>]) -> Users {
    let count = sizes.len();
    let before: Vec<BTreeSet<usize>> = reads.iter().map(|reads| reads.iter().copied().collect()).collect();
    let mut after = vec![BTreeSet::new(); count];
    for (step, needed) in before.iter().enumerate() {
        for &needed in needed {
            after[needed].insert(step);
        }
    }
    let of_step: Vec<BTreeSet<usize>> = (0..count).map(|step| before[step].iter().copied().chain([step]).collect()).collect();
    let of_buffer = (0..count).map(|buffer| after[buffer].iter().copied().chain([buffer]).collect()).collect();
    let at_once = (0..count).map(|step| before[step].iter().map(|&read| sizes[read]).sum::<usize>().max(sizes[step])).collect();
    Users { bytes: sizes.iter().map(|&bytes| bytes as i64).collect(), of_buffer, of_step, at_once, before, after }
}

/// The most bytes alive at once, where nothing is done in place.
fn peak(users: &Users, order: &[usize]) -> usize {
    let mut done = BTreeSet::new();
    let (mut alive, mut peak) = (0, 0);
    for &step in order {
        assert!(users.before[step].is_subset(&done), "{step} runs before what it needs");
        alive += users.bytes[step];
        peak = peak.max(alive);
        done.insert(step);
        alive -=
            users.of_step[step].iter().filter(|&&buffer| users.of_buffer[buffer].is_subset(&done)).map(|&buffer| users.bytes[buffer]).sum::<i64>();
    }
    assert_eq!(done.len(), users.of_step.len());
    peak as usize
}

/// The least peak of all orders, by dynamic programming over sets of steps.
fn least(users: &Users) -> usize {
    let count = users.of_step.len();
    let mut peaks = vec![i64::MAX; 1 << count];
    peaks[0] = 0;
    for set in 0..peaks.len() {
        let has = |step: usize| set >> step & 1 == 1;
        if peaks[set] == i64::MAX {
            continue;
        }
        let alive = |buffer: &usize| has(*buffer) && !users.of_buffer[*buffer].iter().all(|&step| has(step));
        let alive: i64 = (0..count).filter(alive).map(|buffer| users.bytes[buffer]).sum();
        for step in (0..count).filter(|&step| !has(step) && users.before[step].iter().all(|&needed| has(needed))) {
            let peak = peaks[set].max(alive + users.bytes[step]);
            peaks[set | 1 << step] = peaks[set | 1 << step].min(peak);
        }
    }
    peaks[peaks.len() - 1] as usize
}

fn scheduled(users: &Users) -> usize {
    peak(users, &best(users, |order| peak(users, order)))
}

struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}

/// A random program: any graph, steps that read what was written shortly before, or a tree.
fn random(kind: usize, count: usize, dice: &mut Dice) -> Users {
    let mut roots = Vec::new();
    let reads: Vec<Vec<usize>> = (0..count)
        .map(|step| {
            let reads: Vec<usize> = match kind {
                0 => (0..dice.below(3).min(step)).map(|_| dice.below(step)).collect(),
                1 => (0..(1 + dice.below(2)).min(step)).map(|_| step - 1 - dice.below(step.min(3))).collect(),
                _ => (0..dice.below(3).min(roots.len())).map(|_| roots.swap_remove(dice.below(roots.len()))).collect(),
            };
            roots.push(step);
            reads
        })
        .collect();
    let sizes: Vec<usize> = (0..count).map(|_| 1 << dice.below(8)).collect();
    program(&sizes, &reads)
}

#[test]
fn small_programs_hold_hardly_more_than_they_must() {
    let mut dice = Dice(5);
    for kind in 0..3 {
        let ratios: Vec<f64> = (0..100)
            .map(|_| {
                let count = 2 + dice.below(11);
                let users = random(kind, count, &mut dice);
                scheduled(&users) as f64 / least(&users) as f64
            })
            .collect();
        let (most, best) = (ratios.iter().copied().fold(0.0, f64::max), ratios.iter().filter(|ratio| **ratio == 1.0).count());
        println!("kind {kind}: {most:.3} of the least at most; the least {best} times of 100");
        assert!(most <= 1.1 && best >= 95, "{kind} {ratios:?}");
    }
}

#[test]
fn branches_are_finished_one_by_one() {
    // Ten large arrays, each of which becomes a number: in the order given all are there at once.
    let count = 10;
    let sizes: Vec<usize> = std::iter::repeat_n(1000, count).chain(std::iter::repeat_n(1, count + 1)).collect();
    let reads = (0..count).map(|_| Vec::new()).chain((0..count).map(|branch| vec![branch])).chain([(count..2 * count).collect()]);
    let users = program(&sizes, &reads.collect::<Vec<_>>());
    assert_eq!(peak(&users, &(0..=2 * count).collect::<Vec<_>>()), 1000 * count + 1);
    assert_eq!(scheduled(&users), 1000 + count);
}

#[test]
fn the_larger_branch_of_a_tree_comes_first() {
    // A chain that needs 80 at once and leaves 1, and one that needs 50 and leaves 10: 81 one way, 90 the other.
    let users = program(&[50, 10, 80, 1, 1], &[vec![], vec![0], vec![], vec![2], vec![1, 3]]);
    assert_eq!(peak(&users, &[0, 1, 2, 3, 4]), 91);
    assert_eq!(scheduled(&users), 81);
}

#[test]
fn long_programs_are_ordered_all_the_same() {
    let mut dice = Dice(9);
    for kind in 0..3 {
        let users = random(kind, 3000, &mut dice);
        let given: Vec<usize> = (0..3000).collect();
        assert!(scheduled(&users) <= peak(&users, &given));
    }
}
