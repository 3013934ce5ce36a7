//! Hashes of what the engine itself makes: nobody chooses such keys to collide, so few instructions are enough.

use std::hash::{BuildHasherDefault, Hasher};

/// A hash table of such keys.
pub(super) type HashMap<K, V> = std::collections::HashMap<K, V, BuildHasherDefault<Mixer>>;

/// Adds and multiplies word by word, as the compiler's own tables do (`FxHasher`).
#[derive(Default)]
pub(super) struct Mixer(u64);

/// An odd number without a pattern: 2⁶⁴ over the golden ratio.
const FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;

impl Mixer {
    fn add(&mut self, word: u64) {
        self.0 = self.0.wrapping_add(word).wrapping_mul(FACTOR);
    }
}

impl Hasher for Mixer {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.add(u64::from_le_bytes(word));
        }
    }

    fn write_u8(&mut self, number: u8) {
        self.add(u64::from(number));
    }

    fn write_u32(&mut self, number: u32) {
        self.add(u64::from(number));
    }

    fn write_u64(&mut self, number: u64) {
        self.add(number);
    }

    fn write_usize(&mut self, number: usize) {
        self.add(number as u64);
    }

    fn write_isize(&mut self, number: isize) {
        self.add(number as u64);
    }

    fn finish(&self) -> u64 {
        // Products are good in their upper bits, and tables use the lower ones too.
        self.0.rotate_left(26)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::hash::{BuildHasher, BuildHasherDefault};

    use super::Mixer;

    #[test]
    fn few_keys_meet_in_either_end_of_a_hash() {
        let keys: Vec<(u8, [u32; 2], usize)> =
            (0..4).flat_map(|kind| (0..32).flat_map(move |left| (0..32).map(move |right| (kind, [left, right], 0)))).collect();
        let hashes: Vec<u64> = keys.iter().map(|key| BuildHasherDefault::<Mixer>::default().hash_one(key)).collect();
        let different = |part: &dyn Fn(u64) -> u64| hashes.iter().map(|&hash| part(hash)).collect::<BTreeSet<u64>>().len();
        assert_eq!(different(&|hash| hash), keys.len());
        // As many random numbers below 2^16 would be 3971 different ones, and all numbers below 2^7 are among them.
        assert!(different(&|hash| hash & 0xFFFF) > 3500, "{}", different(&|hash| hash & 0xFFFF));
        assert_eq!(different(&|hash| hash >> 57), 128);
    }
}
