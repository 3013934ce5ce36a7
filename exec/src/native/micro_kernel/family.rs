//! Which instructions micro-kernels are made of, by set and element type: a table.

use iced_x86::{Code as Opcode, Register};

use crate::instruction_set::InstructionSet;

/// The instructions of a set for one element type, and how large tiles are there.
#[derive(Debug)]
pub struct Family {
    pub set: InstructionSet,
    /// Bytes of an element, and elements of a vector.
    pub size: usize,
    pub lanes: usize,
    /// The most rows and vectors of a tile: they fill the registers, but for the vectors of one step and two factors.
    pub rows: usize,
    pub vectors: usize,
    /// The vector registers.
    pub registers: Register,
    /// How parts of vectors are masked.
    pub masking: Masking,
    pub stretch: Opcode,
    pub load: Opcode,
    pub store: Opcode,
    pub multiply_add: Opcode,
    pub multiply: Opcode,
    pub add: Opcode,
    pub clear: Opcode,
}

/// How a set masks parts of vectors.
#[derive(Debug)]
pub enum Masking {
    /// By a vector of words whose first bit says whether: an instruction to load and one to store.
    Vector(Opcode, Opcode),
    /// By a mask register, which that instruction fetches.
    Register(Opcode),
}

/// Those of every set and element type, the widest first. AVX2 with FMA: 6 rows by 2 vectors of 32 bytes, in 16 registers. AVX-512: 14 rows by 2 vectors of
/// 64 bytes, or of 32, in 32 registers.
pub const FAMILIES: [Family; 6] = [
    Family {
        set: InstructionSet::Avx2,
        size: 4,
        lanes: 8,
        rows: 6,
        vectors: 2,
        registers: Register::YMM0,
        masking: Masking::Vector(Opcode::VEX_Vmaskmovps_ymm_ymm_m256, Opcode::VEX_Vmaskmovps_m256_ymm_ymm),
        stretch: Opcode::VEX_Vbroadcastss_ymm_m32,
        load: Opcode::VEX_Vmovups_ymm_ymmm256,
        store: Opcode::VEX_Vmovups_ymmm256_ymm,
        multiply_add: Opcode::VEX_Vfmadd231ps_ymm_ymm_ymmm256,
        multiply: Opcode::VEX_Vmulps_ymm_ymm_ymmm256,
        add: Opcode::VEX_Vaddps_ymm_ymm_ymmm256,
        clear: Opcode::VEX_Vxorps_ymm_ymm_ymmm256,
    },
    Family {
        set: InstructionSet::Avx2,
        size: 8,
        lanes: 4,
        rows: 6,
        vectors: 2,
        registers: Register::YMM0,
        masking: Masking::Vector(Opcode::VEX_Vmaskmovpd_ymm_ymm_m256, Opcode::VEX_Vmaskmovpd_m256_ymm_ymm),
        stretch: Opcode::VEX_Vbroadcastsd_ymm_m64,
        load: Opcode::VEX_Vmovupd_ymm_ymmm256,
        store: Opcode::VEX_Vmovupd_ymmm256_ymm,
        multiply_add: Opcode::VEX_Vfmadd231pd_ymm_ymm_ymmm256,
        multiply: Opcode::VEX_Vmulpd_ymm_ymm_ymmm256,
        add: Opcode::VEX_Vaddpd_ymm_ymm_ymmm256,
        clear: Opcode::VEX_Vxorpd_ymm_ymm_ymmm256,
    },
    Family {
        set: InstructionSet::Avx512,
        size: 4,
        lanes: 16,
        rows: 14,
        vectors: 2,
        registers: Register::ZMM0,
        masking: Masking::Register(Opcode::VEX_Kmovw_kr_km16),
        stretch: Opcode::EVEX_Vbroadcastss_zmm_k1z_xmmm32,
        load: Opcode::EVEX_Vmovups_zmm_k1z_zmmm512,
        store: Opcode::EVEX_Vmovups_zmmm512_k1z_zmm,
        multiply_add: Opcode::EVEX_Vfmadd231ps_zmm_k1z_zmm_zmmm512b32_er,
        multiply: Opcode::EVEX_Vmulps_zmm_k1z_zmm_zmmm512b32_er,
        add: Opcode::EVEX_Vaddps_zmm_k1z_zmm_zmmm512b32_er,
        clear: Opcode::EVEX_Vpxord_zmm_k1z_zmm_zmmm512b32,
    },
    Family {
        set: InstructionSet::Avx512,
        size: 8,
        lanes: 8,
        rows: 14,
        vectors: 2,
        registers: Register::ZMM0,
        masking: Masking::Register(Opcode::VEX_Kmovw_kr_km16),
        stretch: Opcode::EVEX_Vbroadcastsd_zmm_k1z_xmmm64,
        load: Opcode::EVEX_Vmovupd_zmm_k1z_zmmm512,
        store: Opcode::EVEX_Vmovupd_zmmm512_k1z_zmm,
        multiply_add: Opcode::EVEX_Vfmadd231pd_zmm_k1z_zmm_zmmm512b64_er,
        multiply: Opcode::EVEX_Vmulpd_zmm_k1z_zmm_zmmm512b64_er,
        add: Opcode::EVEX_Vaddpd_zmm_k1z_zmm_zmmm512b64_er,
        clear: Opcode::EVEX_Vpxorq_zmm_k1z_zmm_zmmm512b64,
    },
    Family {
        set: InstructionSet::Avx512,
        size: 4,
        lanes: 8,
        rows: 14,
        vectors: 2,
        registers: Register::YMM0,
        masking: Masking::Register(Opcode::VEX_Kmovw_kr_km16),
        stretch: Opcode::EVEX_Vbroadcastss_ymm_k1z_xmmm32,
        load: Opcode::EVEX_Vmovups_ymm_k1z_ymmm256,
        store: Opcode::EVEX_Vmovups_ymmm256_k1z_ymm,
        multiply_add: Opcode::EVEX_Vfmadd231ps_ymm_k1z_ymm_ymmm256b32,
        multiply: Opcode::EVEX_Vmulps_ymm_k1z_ymm_ymmm256b32,
        add: Opcode::EVEX_Vaddps_ymm_k1z_ymm_ymmm256b32,
        clear: Opcode::EVEX_Vpxord_ymm_k1z_ymm_ymmm256b32,
    },
    Family {
        set: InstructionSet::Avx512,
        size: 8,
        lanes: 4,
        rows: 14,
        vectors: 2,
        registers: Register::YMM0,
        masking: Masking::Register(Opcode::VEX_Kmovw_kr_km16),
        stretch: Opcode::EVEX_Vbroadcastsd_ymm_k1z_xmmm64,
        load: Opcode::EVEX_Vmovupd_ymm_k1z_ymmm256,
        store: Opcode::EVEX_Vmovupd_ymmm256_k1z_ymm,
        multiply_add: Opcode::EVEX_Vfmadd231pd_ymm_k1z_ymm_ymmm256b64,
        multiply: Opcode::EVEX_Vmulpd_ymm_k1z_ymm_ymmm256b64,
        add: Opcode::EVEX_Vaddpd_ymm_k1z_ymm_ymmm256b64,
        clear: Opcode::EVEX_Vpxorq_ymm_k1z_ymm_ymmm256b64,
    },
];

impl Family {
    /// What masks all but the first elements of a vector.
    pub fn mask(&self, kept: usize) -> [u64; 4] {
        match self.masking {
            Masking::Register(_) => [(1 << kept) - 1, 0, 0, 0],
            Masking::Vector(..) => {
                let word = |word: usize| match self.size {
                    4 => [2 * word, 2 * word + 1]
                        .map(|lane| if lane < kept { 0x8000_0000u64 } else { 0 })
                        .into_iter()
                        .rev()
                        .fold(0, |bits, half| bits << 32 | half),
                    _ => {
                        if word < kept {
                            1 << 63
                        } else {
                            0
                        }
                    }
                };
                [word(0), word(1), word(2), word(3)]
            }
        }
    }
}
