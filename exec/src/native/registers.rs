//! Which values are in registers, which are in memory, while a straight line of code is written.

use iced_x86::{MemoryOperand, Register};
use smallvec::{SmallVec, smallvec};

use super::assembler::{Assembler, Operand};
use super::avx512::MaskRegisters;
use super::program::{Id, Operation, Program, Width};

/// The memory of a call of a kernel: on the stack, addressed from its top.
#[derive(Debug)]
pub(super) struct Frame {
    /// How many bytes are taken.
    pub bytes: usize,
    /// How many a vector takes.
    pub vector: usize,
}

impl Frame {
    /// Room for a vector: bytes from the top of the stack.
    pub fn vector(&mut self) -> usize {
        self.bytes = self.bytes.next_multiple_of(self.vector);
        self.bytes += self.vector;
        self.bytes - self.vector
    }
}

/// A place in the frame.
pub(super) fn in_frame(offset: usize) -> MemoryOperand {
    MemoryOperand::with_base_displ(Register::RSP, offset as i64)
}

/// Where the values of a program are.
#[derive(Clone, Debug)]
pub(super) struct Values {
    /// In a register of the section that is being written.
    registers: Vec<Option<u8>>,
    /// In the frame, as whole vectors.
    pub frame: Vec<Option<usize>>,
    /// In memory that is read, as whole vectors.
    pub elements: Vec<Option<MemoryOperand>>,
}

impl Values {
    /// Nowhere yet.
    pub fn new(program: &Program) -> Self {
        let count = program.values.len();
        Values { registers: vec![None; count], frame: vec![None; count], elements: vec![None; count] }
    }
}

/// Where in a section a value is read: of most values, at few places.
type Uses = SmallVec<[u32; 4]>;

/// The registers while a section is written.
pub(super) struct Registers<'a> {
    pub program: &'a Program,
    pub assembler: &'a mut Assembler,
    pub frame: &'a mut Frame,
    pub values: &'a mut Values,
    /// Where in the section each value is still read, the next at the end.
    uses: Vec<Uses>,
    /// The values that the section makes.
    section: &'a [Id],
    holds: SmallVec<[Option<Id>; 32]>,
    /// Truth values have registers of their own in some sets of instructions.
    pub(super) masks: MaskRegisters,
    /// Registers that are not to be touched now, bit by bit: those of the accumulators, and those of the instruction that is written.
    pinned: u32,
    locked: u32,
}

impl<'a> Registers<'a> {
    /// Empty registers at the start of a section, which makes these values in this order; in the end some are read once more.
    pub fn new(
        program: &'a Program,
        assembler: &'a mut Assembler,
        frame: &'a mut Frame,
        values: &'a mut Values,
        section: &'a [Id],
        last: impl Iterator<Item = Id>,
    ) -> Self {
        let mut uses: Vec<Uses> = vec![Uses::new(); program.values.len()];
        last.for_each(|id| uses[id as usize].push(section.len() as u32));
        for (place, &id) in section.iter().enumerate().rev() {
            // One use for each time it is named.
            program.values[id as usize].inputs.iter().for_each(|&input| uses[input as usize].push(place as u32));
        }
        values.registers.fill(None);
        let holds = smallvec![None; assembler.instructions.set().registers()];
        Registers { program, assembler, frame, values, uses, section, holds, masks: MaskRegisters::default(), pinned: 0, locked: 0 }
    }

    /// Lets a value have a register for good.
    pub fn pin(&mut self, id: Id, register: u8) {
        self.holds[usize::from(register)] = Some(id);
        self.values.registers[id as usize] = Some(register);
        self.pinned |= 1 << register;
    }

    /// Brings a value from memory to a register.
    pub fn fetch(&mut self, id: Id, register: u8) {
        match self.memory(id) {
            Some(memory) => self.assembler.copy(register, Operand::Memory(memory)),
            None => self.assembler.fail("a value that is kept is nowhere"),
        }
    }

    /// Keeps a register out of use for good.
    pub fn reserve(&mut self, register: u8) {
        self.pinned |= 1 << register;
    }

    /// How often a value is still read.
    pub fn uses_left(&self, id: Id) -> usize {
        self.uses[id as usize].len()
    }

    /// Whether a value need not be in a register: one instruction of the section reads it, or each of two reads a half; none at its end.
    pub fn may_stay_in_memory(&self, id: Id) -> bool {
        let is_half = |&place: &u32| {
            self.section.get(place as usize).is_some_and(|&reader| matches!(self.program.values[reader as usize].operation, Operation::Half { .. }))
        };
        match self.uses[id as usize][..] {
            [place] => (place as usize) < self.section.len(),
            ref places => places.iter().all(is_half),
        }
    }

    /// Whether nothing reads a value behind the instruction that is written, of which it is an input so many times.
    fn dies(&self, id: Id, times: usize) -> bool {
        self.uses_left(id) <= times
    }

    /// The bits of a value in memory, if it is there.
    fn memory(&mut self, id: Id) -> Option<MemoryOperand> {
        let value = &self.program.values[id as usize];
        if let Operation::Constant(bits) = value.operation {
            return Some(self.assembler.constant(&repeated(bits, value.width, self.assembler.vector_bytes())));
        }
        self.values.frame[id as usize].map(in_frame).or(self.values.elements[id as usize])
    }

    /// A value as an operand that may be memory.
    pub fn operand(&mut self, id: Id) -> Operand {
        if let Some(register) = self.values.registers[id as usize] {
            self.locked |= 1 << register;
            return Operand::Register(self.assembler.whole(register));
        }
        if let Some(memory) = self.memory(id) {
            return Operand::Memory(memory);
        }
        let register = self.register(id);
        Operand::Register(self.assembler.whole(register))
    }

    /// A value in a register, which is not given away before [`Registers::done`].
    pub fn register(&mut self, id: Id) -> u8 {
        if let Some(register) = self.values.registers[id as usize] {
            self.locked |= 1 << register;
            return register;
        }
        let Some(memory) = self.memory(id) else {
            return self.expanded(id).unwrap_or_else(|| {
                self.assembler.fail("a value is read that is nowhere");
                0
            });
        };
        let register = self.fresh();
        self.assembler.copy(register, Operand::Memory(memory));
        self.give(id, register);
        register
    }

    /// Whether a value is in a register.
    pub fn is_in_register(&self, id: Id) -> bool {
        self.values.registers[id as usize].is_some()
    }

    /// Whether a value is in a vector register, or in memory.
    pub fn can_be_read(&self, id: Id) -> bool {
        let place = id as usize;
        let in_memory = self.values.frame[place].is_some() || self.values.elements[place].is_some();
        in_memory || self.is_in_register(id) || matches!(self.program.values[place].operation, Operation::Constant(_))
    }

    /// Where in the section a value is read next.
    pub fn next_use(&self, id: Id) -> Option<u32> {
        self.uses[id as usize].last().copied()
    }

    /// A register for a moment or a new value: until [`Registers::done`], nothing else gets it.
    pub fn fresh(&mut self) -> u8 {
        let taken = self.pinned | self.locked;
        let allowed = |register: &u8| taken & 1 << register == 0;
        let count = self.holds.len() as u8;
        let free = (0..count).filter(allowed).find(|&register| self.holds[usize::from(register)].is_none());
        let register = free.unwrap_or_else(|| {
            // What is read last gives way.
            let next_use = |&register: &u8| self.holds[usize::from(register)].and_then(|id| self.next_use(id));
            let victim = (0..count).filter(allowed).max_by_key(next_use);
            if victim.is_none() {
                self.assembler.fail("an instruction needs more registers than there are");
            }
            let victim = victim.unwrap_or(0);
            self.evict(victim);
            victim
        });
        self.locked |= 1 << register;
        register
    }

    /// Frees a register; its value is kept in the frame, unless it can be had again or nothing reads it.
    fn evict(&mut self, register: u8) {
        let Some(id) = self.holds[usize::from(register)].take() else { return };
        self.values.registers[id as usize] = None;
        if self.uses_left(id) > 0 && !self.can_be_read(id) && !self.is_mask(id) {
            self.keep_in_frame(id, register);
        }
    }

    fn keep_in_frame(&mut self, id: Id, register: u8) {
        let place = self.frame.vector();
        self.values.frame[id as usize] = Some(place);
        self.assembler.keep(in_frame(place), register);
    }

    /// Copies a value to the frame, where other sections find it.
    pub fn store_in_frame(&mut self, id: Id) {
        if self.values.frame[id as usize].is_none() {
            let register = self.register(id);
            self.keep_in_frame(id, register);
            self.unlock();
        }
    }

    /// Lets a value be only in the frame, if a register holds it.
    pub fn move_to_frame(&mut self, id: Id) {
        let Some(register) = self.values.registers[id as usize].filter(|&register| self.pinned & 1 << register == 0) else { return };
        if self.memory(id).is_none() {
            self.keep_in_frame(id, register);
        }
        self.values.registers[id as usize] = None;
        self.holds[usize::from(register)] = None;
    }

    /// Lets a register hold a value.
    pub fn give(&mut self, id: Id, register: u8) {
        self.holds[usize::from(register)] = Some(id);
        self.values.registers[id as usize] = Some(register);
    }

    /// A register for the result of an instruction, after all its inputs have been fetched: that of an input that dies, or another.
    ///
    /// With `preferred` that one, if it is free to be written.
    pub fn result(&mut self, inputs: &[Id], preferred: Option<u8>) -> u8 {
        let times = |id: Id| inputs.iter().filter(|&&input| input == id).count();
        let dying = |registers: &Self, register: u8| {
            registers.holds[usize::from(register)].is_some_and(|id| inputs.contains(&id) && registers.dies(id, times(id)))
        };
        if let Some(register) = preferred
            && (dying(self, register) || self.holds[usize::from(register)].is_none_or(|id| self.uses_left(id) == 0))
        {
            return register;
        }
        let own = inputs.iter().filter_map(|&id| self.values.registers[id as usize]);
        let reused = own.filter(|&register| self.pinned & 1 << register == 0).find(|&register| dying(self, register));
        reused.unwrap_or_else(|| self.fresh())
    }

    /// The register of an input that may be overwritten, if it has one.
    pub fn dying(&self, id: Id, inputs: &[Id], preferred: Option<u8>) -> Option<u8> {
        let times = inputs.iter().filter(|&&input| input == id).count();
        let register = self.values.registers[id as usize]?;
        let may = self.pinned & 1 << register == 0 || preferred == Some(register);
        (may && times == 1 && self.dies(id, times)).then_some(register)
    }

    /// Ends an instruction: its inputs are read, its result is in a register.
    pub fn done(&mut self, inputs: &[Id], made: Option<(Id, u8)>) {
        for &input in inputs {
            self.uses[input as usize].pop();
        }
        for &input in inputs {
            if self.uses_left(input) > 0 {
                continue;
            }
            self.masks.forget(input);
            if let Some(register) = self.values.registers[input as usize]
                && self.pinned & 1 << register == 0
            {
                self.values.registers[input as usize] = None;
                self.holds[usize::from(register)] = None;
            }
        }
        if let Some((id, register)) = made {
            if let Some(old) = self.holds[usize::from(register)].filter(|&old| old != id) {
                self.values.registers[old as usize] = None;
            }
            self.give(id, register);
            if self.uses_left(id) == 0 && self.pinned & 1 << register == 0 {
                self.holds[usize::from(register)] = None;
            }
        }
        self.unlock();
    }

    fn unlock(&mut self) {
        self.locked = 0;
        self.masks.unlock();
    }
}

/// The same lane all over a vector.
pub(super) fn repeated(bits: u64, width: Width, vector: usize) -> SmallVec<[u8; 64]> {
    let mut bytes: SmallVec<[u8; 64]> = smallvec![0; vector];
    match width {
        Width::Single => bytes.chunks_exact_mut(4).for_each(|lane| lane.copy_from_slice(&(bits as u32).to_ne_bytes())),
        Width::Double => bytes.chunks_exact_mut(8).for_each(|lane| lane.copy_from_slice(&bits.to_ne_bytes())),
    }
    bytes
}
