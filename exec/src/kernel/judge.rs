//! Judging the engines: nests run element by element in numbers, as their definition says, beside the same nests run by each engine.

#![expect(unsafe_code, reason = "it hands memory to the engine")]

use damo_graph::op::reduce::Reduction;
use damo_graph::{DType, Element, Number, with_dtype};

use crate::instruction_set::InstructionSet;
use crate::kernel::Kernel;
use crate::nest::{Access, Instruction, Nest};
use crate::portable::stored::{Stored, elements, elements_mut};
use crate::region::Region;

/// Elements of any dtype, aligned.
#[derive(Clone, Debug)]
pub struct Buffer {
    pub dtype: DType,
    words: Vec<[u64; 2]>,
}

impl Buffer {
    pub fn of(dtype: DType, numbers: impl IntoIterator<Item = Number>) -> Self {
        let numbers: Vec<Number> = numbers.into_iter().collect();
        let mut buffer = Buffer { dtype, words: vec![[0; 2]; numbers.len()] };
        numbers.into_iter().enumerate().for_each(|(place, number)| buffer.set(place, number));
        buffer
    }

    pub fn get(&self, place: usize) -> Number {
        fn typed<T: Stored>(words: &[[u64; 2]], place: usize) -> Number {
            let raw = elements::<T::Raw>(bytemuck::cast_slice(words))[place];
            assert_eq!(bytemuck::bytes_of(&T::read(raw).write()).first(), bytemuck::bytes_of(&raw).first(), "not an element's bits");
            T::read(raw).to_number()
        }
        with_dtype!(self.dtype, T => typed::<T>(&self.words, place))
    }

    pub fn set(&mut self, place: usize, number: Number) {
        fn typed<T: Stored>(words: &mut [[u64; 2]], place: usize, number: Number) {
            elements_mut::<T::Raw>(bytemuck::cast_slice_mut(words))[place] = T::from_number(number).write();
        }
        with_dtype!(self.dtype, T => typed::<T>(&mut self.words, place, number));
    }

    pub fn len(&self) -> usize {
        self.words.len()
    }
}

/// A number as an element of a dtype would hold it.
pub fn rounded(dtype: DType, number: Number) -> Number {
    with_dtype!(dtype, T => T::from_number(number).to_number())
}

/// Runs a nest on so many threads, as machine code if instructions are given, else by the portable engine.
pub fn run(nest: &Nest, buffers: &mut [Buffer], machine_code: Option<InstructionSet>, threads: usize) {
    run_kernel(&Kernel::compile(nest, machine_code).unwrap(), buffers, threads);
}

/// Runs a kernel on so many threads, on buffers of the dtypes of its nest's accesses.
pub fn run_kernel(kernel: &Kernel, buffers: &mut [Buffer], threads: usize) {
    let mut scratch = vec![0; kernel.scratch_bytes(threads)];
    let regions: Vec<Region<'_>> = buffers.iter_mut().map(|buffer| Region::writing(buffer.words.as_flattened_mut())).collect();
    // SAFETY: the buffers are borrowed, and of the dtypes of the nest's accesses.
    unsafe { kernel.run(&regions, &mut scratch, threads, threads) }.unwrap();
}

/// Runs a nest by its definition; sums and products in `f64` for floats, compensated by their being few.
pub fn define(nest: &Nest, buffers: &mut [Buffer]) {
    let before = buffers.to_vec();
    let place = |access: &Access, index: &[usize]| {
        let steps = index.iter().zip(&access.strides).map(|(&index, &stride)| index as isize * stride).sum::<isize>();
        (access.offset + steps) as usize
    };
    let mut results: Vec<Vec<Option<Number>>> =
        nest.reductions.iter().map(|reduction| vec![None; before[reduction.to.buffer.index()].len()]).collect();
    for reduction in &nest.reductions {
        let kept: Vec<usize> = nest.shape.iter().enumerate().map(|(axis, &length)| if reduction.axes.contains(&axis) { 1 } else { length }).collect();
        for index in indices(&kept) {
            let neutral = match reduction.kind {
                Reduction::Sum => Number::Integer(0),
                Reduction::Mean => Number::Real(f64::NAN),
                Reduction::Product => Number::Integer(1),
                Reduction::All | Reduction::Any => Number::Bool(reduction.kind == Reduction::All),
                Reduction::Max | Reduction::Min => continue,
            };
            buffers[reduction.to.buffer.index()].set(place(&reduction.to, &index), neutral);
        }
    }
    for index in indices(&nest.shape) {
        let mut registers: Vec<Number> = Vec::new();
        for (register, instruction) in nest.body.iter().enumerate() {
            let number = match instruction {
                Instruction::Load(operand) => before[nest.operands[*operand].buffer.index()].get(place(&nest.operands[*operand], &index)),
                Instruction::Constant(number, _) => *number,
                Instruction::Index { axis, .. } => Number::Integer(index[*axis] as i128),
                Instruction::Apply { scalar, arguments, .. } => {
                    scalar.evaluate(&arguments.iter().map(|&argument| registers[argument]).collect::<Vec<_>>()).unwrap()
                }
                Instruction::Cast { argument, .. } => registers[*argument],
            };
            registers.push(rounded(nest.dtype(register), number));
        }
        for store in &nest.stores {
            buffers[store.to.buffer.index()].set(place(&store.to, &index), registers[store.value]);
        }
        for (reduction, results) in nest.reductions.iter().zip(&mut results) {
            let (number, result) = (registers[reduction.value], &mut results[place(&reduction.to, &index)]);
            *result = Some(match result {
                Some(so_far) => combined(reduction.kind, *so_far, number),
                None => number,
            });
        }
    }
    for (reduction, results) in nest.reductions.iter().zip(results) {
        for (place, result) in results.into_iter().enumerate() {
            if let Some(number) = result {
                let count = reduction.axes.iter().map(|&axis| nest.shape[axis]).product::<usize>() as f64;
                let number = if reduction.kind == Reduction::Mean { Number::Real(number.to_real() / count) } else { number };
                buffers[reduction.to.buffer.index()].set(place, number);
            }
        }
    }
}

fn combined(kind: Reduction, left: Number, right: Number) -> Number {
    use damo_graph::op::scalar;
    if kind == Reduction::Product
        && let (Number::Integer(x), Number::Integer(y)) = (left, right)
    {
        return Number::Integer(x.wrapping_mul(y));
    }
    let scalar = match kind {
        Reduction::Sum | Reduction::Mean => &scalar::ADD,
        Reduction::Product => &scalar::MUL,
        Reduction::Max => &scalar::MAX,
        Reduction::Min => &scalar::MIN,
        Reduction::All => &scalar::AND,
        Reduction::Any => &scalar::OR,
    };
    scalar.evaluate(&[left, right]).unwrap()
}

/// All indices of a shape in row-major order.
pub fn indices(shape: &[usize]) -> Vec<Vec<usize>> {
    shape.iter().fold(vec![vec![]], |all, &length| all.into_iter().flat_map(|index| (0..length).map(move |k| [&index[..], &[k]].concat())).collect())
}

/// How far apart two numbers are, in units in the last place of the expected one; 0 for equal ones, NaN too.
pub fn distance(dtype: DType, found: Number, expected: Number) -> f64 {
    let (Number::Real(x), Number::Real(y)) = (found, expected) else {
        return if found == expected { 0.0 } else { f64::INFINITY };
    };
    if x.to_bits() == y.to_bits() || x.is_nan() && y.is_nan() {
        return 0.0;
    }
    let formats = [(DType::F16, 11, -24), (DType::BF16, 8, -133), (DType::F32, 24, -149), (DType::F64, 53, -1074)];
    let (_, digits, smallest) = formats.into_iter().find(|format| format.0 == dtype).unwrap();
    if x == y {
        // Zeros of different sign are half a unit apart.
        return 0.5;
    }
    let exponent = if y == 0.0 || !y.is_normal() { smallest } else { y.abs().log2().floor() as i32 + 1 - digits };
    (x - y).abs() / f64::from(exponent.max(smallest)).exp2()
}

/// What runs nests here: the portable engine, and machine code of all instructions that this processor has.
pub fn engines() -> impl Iterator<Item = Option<InstructionSet>> {
    [None].into_iter().chain(InstructionSet::ALL.into_iter().filter(|set| set.is_available()).map(Some))
}

/// Runs a nest by each engine and by its definition, and demands that every element of every buffer agree within so many ulps.
pub fn agree(nest: &Nest, buffers: &[Buffer], ulps: f64) {
    let mut expected = buffers.to_vec();
    define(nest, &mut expected);
    for engine in engines() {
        let mut found = buffers.to_vec();
        run(nest, &mut found, engine, 1);
        for (number, (found, expected)) in found.iter().zip(&expected).enumerate() {
            for place in 0..found.len() {
                let (found, expected) = (found.get(place), expected.get(place));
                let apart = distance(buffers[number].dtype, found, expected);
                assert!(apart <= ulps, "{engine:?}, buffer {number} at {place}: {found:?} where {expected:?} is meant, {apart} ulps apart\n{nest}");
            }
        }
    }
}
