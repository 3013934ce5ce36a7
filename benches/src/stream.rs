//! Random numbers that come out the same in every language: `SplitMix64` (Steele, Lea and Flood 2014).

/// One stream: its numbers can be computed in any order.
#[derive(Clone, Copy, Debug)]
pub struct Stream(u64);

/// 2⁶⁴ over the golden ratio.
const STRIDE: u64 = 0x9e37_79b9_7f4a_7c15;

fn mix(bits: u64) -> u64 {
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

impl Stream {
    /// The stream of an array; arrays are counted from 1.
    pub fn of_array(number: u64) -> Self {
        Stream(mix(number))
    }

    /// Number `place`, uniform from 0 to below 1.
    pub fn unit(self, place: usize) -> f64 {
        let bits = mix(self.0.wrapping_add((place as u64 + 1).wrapping_mul(STRIDE)));
        (bits >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Number `place`, uniform from 0.5 to 1.5.
    pub fn uniform(self, place: usize) -> f64 {
        0.5 + self.unit(place)
    }

    /// Number `place`, of mean 0 and variance 1 (Box and Muller 1958).
    pub fn normal(self, place: usize) -> f64 {
        let (radius, angle) = (1.0 - self.unit(2 * place), self.unit(2 * place + 1));
        (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
    }
}
