//! Loops of a scalar function over tiles, and what such a loop takes.
//!
//! A loop is generic over its function, which is inlined into it, and is compiled for each instruction set that [`pulp`] knows.

use bytemuck::Pod;
use pulp::{Arch, NullaryFnOnce};

use super::stored::{elements, elements_mut};

/// An argument of an instruction on a tile.
#[derive(Clone, Copy, Debug)]
pub enum Argument<'a> {
    /// The bytes of as many elements as the result has.
    Tile(&'a [u8]),
    /// The bytes of one element, the same for every place.
    Uniform(&'a [u8]),
}

/// An instruction on tiles: makes the bytes of the result from those of the arguments.
pub type Apply = fn(out: &mut [u8], arguments: &[Argument<'_>]);

/// A function of one number.
pub(super) trait Function1<T, U> {
    fn at(x: T) -> U;
}

/// A function of two numbers.
pub(super) trait Function2<T, U> {
    fn at(x: T, y: T) -> U;
}

/// A function of three numbers.
pub(super) trait Function3<T, U> {
    fn at(x: T, y: T, z: T) -> U;
}

/// An argument with its element type.
pub(super) enum Typed<'a, T> {
    Tile(&'a [T]),
    Uniform(T),
}

impl<'a> Argument<'a> {
    /// Its elements; one that has none, which no plan makes, counts as zeros.
    #[inline(always)]
    pub(super) fn typed<T: Pod>(self) -> Typed<'a, T> {
        match self {
            Argument::Tile(bytes) => Typed::Tile(elements(bytes)),
            Argument::Uniform(bytes) => Typed::Uniform(elements(bytes).first().copied().unwrap_or_else(T::zeroed)),
        }
    }
}

/// Runs a loop: compiled for each instruction set if it is a `WIDE` one, else for the least.
///
/// A closure is compiled for the least as well if it is too large to be inlined; a type can say that its call always is.
#[inline(always)]
pub(super) fn dispatch<const WIDE: bool>(run: impl NullaryFnOnce<Output = ()>) {
    if WIDE { Arch::new().dispatch(run) } else { run.call() }
}

/// `out = F(x)`
pub(super) fn unary<T: Pod, U: Pod, F: Function1<T, U>, const WIDE: bool>(out: &mut [u8], arguments: &[Argument<'_>]) {
    let (out, &[x]) = (elements_mut::<U>(out), arguments) else { return };
    match x.typed::<T>() {
        Typed::Uniform(x) => out.fill(F::at(x)),
        Typed::Tile(x) => dispatch::<WIDE>(|| one_tile_loop(out, x, F::at)),
    }
}

/// `out = F(x, y)`
pub(super) fn binary<T: Pod, U: Pod, F: Function2<T, U>, const WIDE: bool>(out: &mut [u8], arguments: &[Argument<'_>]) {
    let (out, &[x, y]) = (elements_mut::<U>(out), arguments) else { return };
    match (x.typed::<T>(), y.typed::<T>()) {
        (Typed::Tile(x), Typed::Tile(y)) => dispatch::<WIDE>(|| two_tiles_loop(out, x, y, F::at)),
        (Typed::Tile(x), Typed::Uniform(y)) => dispatch::<WIDE>(|| one_tile_loop(out, x, |x| F::at(x, y))),
        (Typed::Uniform(x), Typed::Tile(y)) => dispatch::<WIDE>(|| one_tile_loop(out, y, |y| F::at(x, y))),
        (Typed::Uniform(x), Typed::Uniform(y)) => out.fill(F::at(x, y)),
    }
}

/// `out = F(y, x)`
pub(super) fn swapped<T: Pod, U: Pod, F: Function2<T, U>, const WIDE: bool>(out: &mut [u8], arguments: &[Argument<'_>]) {
    let &[x, y] = arguments else { return };
    binary::<T, U, F, WIDE>(out, &[y, x]);
}

/// `out = x`, of one element for all.
pub(super) fn spread<T: Pod>(out: &mut [u8], arguments: &[Argument<'_>]) {
    if let [x] = arguments
        && let Typed::Uniform(x) = x.typed::<T>()
    {
        elements_mut::<T>(out).fill(x);
    }
}

/// `out = F(x, y, z)`
pub(super) fn ternary<T: Pod, U: Pod, F: Function3<T, U>>(out: &mut [u8], arguments: &[Argument<'_>]) {
    let (out, &[x, y, z]) = (elements_mut::<U>(out), arguments) else { return };
    let arch = Arch::new();
    match (x.typed::<T>(), y.typed::<T>(), z.typed::<T>()) {
        (Typed::Tile(x), Typed::Tile(y), Typed::Tile(z)) => arch.dispatch(|| ternary_loop(out, x, y, z, F::at)),
        (Typed::Tile(x), Typed::Tile(y), Typed::Uniform(z)) => arch.dispatch(|| two_tiles_loop(out, x, y, |x, y| F::at(x, y, z))),
        (Typed::Tile(x), Typed::Uniform(y), Typed::Tile(z)) => arch.dispatch(|| two_tiles_loop(out, x, z, |x, z| F::at(x, y, z))),
        (Typed::Uniform(x), Typed::Tile(y), Typed::Tile(z)) => arch.dispatch(|| two_tiles_loop(out, y, z, |y, z| F::at(x, y, z))),
        (Typed::Tile(x), Typed::Uniform(y), Typed::Uniform(z)) => arch.dispatch(|| one_tile_loop(out, x, |x| F::at(x, y, z))),
        (Typed::Uniform(x), Typed::Tile(y), Typed::Uniform(z)) => arch.dispatch(|| one_tile_loop(out, y, |y| F::at(x, y, z))),
        (Typed::Uniform(x), Typed::Uniform(y), Typed::Tile(z)) => arch.dispatch(|| one_tile_loop(out, z, |z| F::at(x, y, z))),
        (Typed::Uniform(x), Typed::Uniform(y), Typed::Uniform(z)) => out.fill(F::at(x, y, z)),
    }
}

#[inline(always)]
fn ternary_loop<X: Pod, T: Pod, U: Pod>(out: &mut [U], x: &[X], y: &[T], z: &[T], function: impl Fn(X, T, T) -> U) {
    for (out, (&x, (&y, &z))) in out.iter_mut().zip(x.iter().zip(y.iter().zip(z))) {
        *out = function(x, y, z);
    }
}

#[inline(always)]
fn two_tiles_loop<X: Pod, T: Pod, U: Pod>(out: &mut [U], x: &[X], y: &[T], function: impl Fn(X, T) -> U) {
    for (out, (&x, &y)) in out.iter_mut().zip(x.iter().zip(y)) {
        *out = function(x, y);
    }
}

#[inline(always)]
fn one_tile_loop<X: Pod, U: Pod>(out: &mut [U], x: &[X], function: impl Fn(X) -> U) {
    for (out, &x) in out.iter_mut().zip(x) {
        *out = function(x);
    }
}

/// `out = if x { y } else { z }`, of bits of any meaning; the condition is a byte.
pub(super) fn select<T: Pod, const WIDE: bool>(out: &mut [u8], arguments: &[Argument<'_>]) {
    let (out, &[x, y, z]) = (elements_mut::<T>(out), arguments) else { return };
    let choose = |x: u8, y: T, z: T| if x != 0 { y } else { z };
    match (x.typed::<u8>(), y.typed::<T>(), z.typed::<T>()) {
        (Typed::Tile(x), Typed::Tile(y), Typed::Tile(z)) => dispatch::<WIDE>(|| ternary_loop(out, x, y, z, choose)),
        (Typed::Tile(x), Typed::Tile(y), Typed::Uniform(z)) => dispatch::<WIDE>(|| two_tiles_loop(out, x, y, |x, y| choose(x, y, z))),
        (Typed::Tile(x), Typed::Uniform(y), Typed::Tile(z)) => dispatch::<WIDE>(|| two_tiles_loop(out, x, z, |x, z| choose(x, y, z))),
        (Typed::Tile(x), Typed::Uniform(y), Typed::Uniform(z)) => dispatch::<WIDE>(|| one_tile_loop(out, x, |x| choose(x, y, z))),
        (Typed::Uniform(x), y, z) => match if x != 0 { y } else { z } {
            Typed::Tile(chosen) => out.iter_mut().zip(chosen).for_each(|(out, &chosen)| *out = chosen),
            Typed::Uniform(chosen) => out.fill(chosen),
        },
    }
}
