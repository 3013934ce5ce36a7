//! Elements as they lie in memory: each dtype's bits as a type that bytes can be read as.

use bytemuck::Pod;
use damo_graph::{Element, for_each_dtype};

/// An element type with the plain type of its bits: itself, but for truth values, which are the bytes 0 and 1.
pub trait Stored: Element {
    /// What lies in memory.
    type Raw: Pod + Send + Sync;

    /// The element of these bits.
    fn read(raw: Self::Raw) -> Self;

    /// The bits of this element.
    fn write(self) -> Self::Raw;
}

macro_rules! stored {
    ($(($variant:ident, $element:ty, $name:literal, $class:ident)),* $(,)?) => { $(stored!(@ $class, $element);)* };
    (@ Bool, $element:ty) => {
        impl Stored for bool {
            type Raw = u8;

            #[inline(always)]
            fn read(raw: u8) -> bool {
                raw != 0
            }

            #[inline(always)]
            fn write(self) -> u8 {
                u8::from(self)
            }
        }
    };
    (@ $class:ident, $element:ty) => {
        impl Stored for $element {
            type Raw = $element;

            #[inline(always)]
            fn read(raw: $element) -> $element {
                raw
            }

            #[inline(always)]
            fn write(self) -> $element {
                self
            }
        }
    };
}
for_each_dtype!(stored);

/// Bytes as elements; none if the bytes are misaligned or not a whole number of elements, which no tile is.
#[inline(always)]
pub(crate) fn elements<T: Pod>(bytes: &[u8]) -> &[T] {
    bytemuck::try_cast_slice(bytes).unwrap_or(&[])
}

/// The same, to write.
#[inline(always)]
pub(crate) fn elements_mut<T: Pod>(bytes: &mut [u8]) -> &mut [T] {
    bytemuck::try_cast_slice_mut(bytes).unwrap_or(&mut [])
}
