//! Truth values in registers of their own, with a bit for each lane. A value is there only if each of its lanes is all ones or all zeros; its
//! width does not matter there. Where its lanes are asked for, it becomes a vector.

use iced_x86::{Code, MemoryOperand, Register};

use super::super::assembler::{Operand, zmm};
use super::super::program::{Id, Width};
use super::super::registers::Registers;

/// The register that holds the lanes that are left, in the last round of a row.
pub(super) const LEFT: u8 = 1;

/// The registers that values are given. The first of all is none: instructions read it as all lanes.
const FREE: [u8; 6] = [2, 3, 4, 5, 6, 7];

/// The mask register of that number.
pub(super) fn k(number: u8) -> Register {
    Register::K0 + u32::from(number)
}

/// Where in a line of memory a mask register is kept.
pub(super) const fn place(mut line: MemoryOperand, mask: u8) -> MemoryOperand {
    line.displacement += 8 * mask as i64;
    line
}

/// Which values are in mask registers.
#[derive(Debug, Default)]
pub(in super::super) struct MaskRegisters {
    holds: [Option<Id>; 8],
    /// Registers of the instruction that is written, bit by bit.
    locked: u8,
}

impl MaskRegisters {
    /// The register that holds a value.
    fn of(&self, id: Id) -> Option<u8> {
        FREE.into_iter().find(|&mask| self.holds[usize::from(mask)] == Some(id))
    }

    /// Whether a register holds a value.
    pub fn hold(&self, id: Id) -> bool {
        self.of(id).is_some()
    }

    /// Forgets a value that nothing reads any more.
    pub fn forget(&mut self, id: Id) {
        if let Some(mask) = self.of(id) {
            self.holds[usize::from(mask)] = None;
        }
    }

    /// Ends an instruction.
    pub const fn unlock(&mut self) {
        self.locked = 0;
    }
}

impl Registers<'_> {
    /// Whether a value is in a mask register.
    pub fn is_mask(&self, id: Id) -> bool {
        self.masks.hold(id)
    }

    /// The signs of a value's lanes in a mask register, which is not given away before the instruction is done.
    pub fn mask(&mut self, id: Id) -> u8 {
        if let Some(mask) = self.masks.of(id) {
            self.masks.locked |= 1 << mask;
            return mask;
        }
        let from = self.register(id);
        let mask = self.fresh_mask();
        let code = [Code::EVEX_Vpmovd2m_kr_zmm, Code::EVEX_Vpmovq2m_kr_zmm][self.program.width(id) as usize];
        self.assembler.two(code, k(mask), Operand::Register(zmm(from)));
        mask
    }

    /// A mask register for a moment or a new value: until the instruction is done, nothing else gets it.
    pub fn fresh_mask(&mut self) -> u8 {
        let locked = self.masks.locked;
        let allowed = FREE.into_iter().filter(|mask| locked & 1 << mask == 0);
        let free = allowed.clone().find(|&mask| self.masks.holds[usize::from(mask)].is_none());
        // What is read last gives way.
        let next_use = |&mask: &u8| self.masks.holds[usize::from(mask)].and_then(|id| self.next_use(id));
        let Some(mask) = free.or_else(|| allowed.max_by_key(next_use)) else {
            self.assembler.fail("an instruction needs more masks than there are");
            return LEFT;
        };
        self.masks.locked |= 1 << mask;
        if let Some(id) = self.masks.holds[usize::from(mask)] {
            if !self.can_be_read(id) {
                self.expand(id, mask);
            }
            self.masks.holds[usize::from(mask)] = None;
        }
        mask
    }

    /// Makes a vector of a mask.
    fn expand(&mut self, id: Id, mask: u8) -> u8 {
        let to = self.fresh();
        let code = match self.program.width(id) {
            Width::Single => Code::EVEX_Vpmovm2d_zmm_kr,
            Width::Double => Code::EVEX_Vpmovm2q_zmm_kr,
        };
        self.assembler.two(code, zmm(to), Operand::Register(k(mask)));
        self.give(id, to);
        to
    }

    /// Makes a vector of a value that is in a mask register, if it is.
    pub fn expanded(&mut self, id: Id) -> Option<u8> {
        self.masks.of(id).map(|mask| self.expand(id, mask))
    }

    /// Ends an instruction whose result is in a mask register.
    pub fn done_mask(&mut self, inputs: &[Id], id: Id, mask: u8) {
        self.done(inputs, None);
        if self.uses_left(id) > 0 {
            self.masks.holds[usize::from(mask)] = Some(id);
        }
    }
}
