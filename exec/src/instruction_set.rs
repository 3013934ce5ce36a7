//! The vector instructions that a processor may have, and which of them it has.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::__cpuid;
use std::fmt;
#[cfg(target_arch = "x86_64")]
use std::sync::LazyLock;

/// Vector instructions that machine code is made of, the narrower first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum InstructionSet {
    /// 16 registers of 256 bits: AVX2 with fused multiply-adds.
    Avx2,
    /// 32 registers of 512 bits, and registers for truth values: the parts F, VL, DQ and BW of AVX-512, with BMI2.
    Avx512,
}

impl InstructionSet {
    /// Every instruction set, the narrower first.
    pub const ALL: [InstructionSet; 2] = [InstructionSet::Avx2, InstructionSet::Avx512];

    /// What is used where nobody asks for another: the widest that this processor has.
    pub fn best() -> Option<InstructionSet> {
        InstructionSet::ALL.into_iter().rev().find(|set| set.is_available())
    }

    /// Whether this processor has all of it, and the system lets programs use it.
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    pub fn is_available(self) -> bool {
        use std::arch::is_x86_feature_detected as has;
        match self {
            InstructionSet::Avx2 => has!("avx2") && has!("fma"),
            InstructionSet::Avx512 => has!("avx512f") && has!("avx512vl") && has!("avx512dq") && has!("avx512bw") && has!("bmi2"),
        }
    }

    /// Whether this processor has all of it, and the system lets programs use it: no, as it is of another kind.
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    pub fn is_available(self) -> bool {
        false
    }

    /// Whether this processor works on its vectors half by half, so that two of half the length take as long: AMD's of family 19h do, of which those
    /// with AVX-512 are Zen 4 ("Software Optimization Guide for the AMD Zen4 Microarchitecture", 2.1).
    #[cfg(target_arch = "x86_64")]
    pub fn splits_vectors(self) -> bool {
        // It takes long to ask a virtual machine.
        static IS_ZEN_4: LazyLock<bool> = LazyLock::new(|| {
            let (vendor, version) = (__cpuid(0), __cpuid(1));
            let family = (version.eax >> 8 & 0xF) + (version.eax >> 20 & 0xFF);
            [vendor.ebx, vendor.edx, vendor.ecx].map(u32::to_le_bytes).concat() == b"AuthenticAMD" && family == 0x19
        });
        self == InstructionSet::Avx512 && *IS_ZEN_4
    }

    /// Bytes of a vector.
    pub const fn vector_bytes(self) -> usize {
        match self {
            InstructionSet::Avx2 => 32,
            InstructionSet::Avx512 => 64,
        }
    }

    /// How many vector registers there are.
    pub const fn registers(self) -> usize {
        match self {
            InstructionSet::Avx2 => 16,
            InstructionSet::Avx512 => 32,
        }
    }
}

/// As people write it.
impl fmt::Display for InstructionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            InstructionSet::Avx2 => "AVX2 with FMA",
            InstructionSet::Avx512 => "AVX-512 (F, VL, DQ and BW)",
        })
    }
}
