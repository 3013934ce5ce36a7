//! State that survives calls: the weights of a model, the moments of an optimiser, a counter.

mod together;

use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread::{self, ThreadId};

use damo_graph::{AnyArray, DType, Dim, Element, Error, ErrorKind, Result, Type};
use ndarray::{ArrayBase, ArrayD, Data, Dimension};

pub use together::Together;

/// An array that lives outside any program, which programs read and update.
///
/// Its shape never changes. A clone is the same state, not a copy; it can be used from many threads.
///
/// ```
/// use damo_trace::*;
/// use ndarray::{Array1, arr1};
/// let w = Shared::new("w", Array1::<f32>::zeros(3));
/// let tape = Tape::new();
/// let y = tape.shared(&w) * 2.0;
/// assert_eq!(y.dims()?.to_string(), "[3]");
/// w.set(arr1(&[1.0, 2.0, 3.0]))?;
/// assert_eq!(w.get(), arr1(&[1.0, 2.0, 3.0]).into_dyn());
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone)]
pub struct Shared<T> {
    state: AnyShared,
    element: PhantomData<T>,
}

/// A [`Shared`] of any element type. Two are equal if they are the same state.
#[derive(Clone)]
pub struct AnyShared(Arc<Cell>);

struct Cell {
    name: String,
    ty: Type,
    held: RwLock<Held>,
    /// Held by who reads the state in order to change it.
    turn: Mutex<()>,
}

struct Held {
    array: AnyArray,
    last: Write,
}

impl Held {
    fn swap(&mut self, array: &mut AnyArray) {
        self.last = Write { count: self.last.count + 1, by: thread::current().id() };
        std::mem::swap(&mut self.array, array);
    }
}

/// Which write a state has its value from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Write {
    /// How many there were.
    count: u64,
    by: ThreadId,
}

impl Write {
    /// Whether it was on this thread.
    pub fn is_of_this_thread(&self) -> bool {
        self.by == thread::current().id()
    }
}

impl<T: Element> Shared<T> {
    /// A new state with a name, under which prints and errors show it, and its first value.
    pub fn new<S: Data<Elem = T>, D: Dimension>(name: &str, array: ArrayBase<S, D>) -> Self {
        let ty = Type::new(T::DTYPE, array.shape().iter().copied());
        let held = Held { array: owned(array), last: Write { count: 0, by: thread::current().id() } };
        let cell = Cell { name: name.to_owned(), ty, held: RwLock::new(held), turn: Mutex::new(()) };
        Shared { state: AnyShared(Arc::new(cell)), element: PhantomData }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.state.name()
    }

    /// A copy of its value.
    pub fn get(&self) -> ArrayD<T> {
        let array = self.state.read();
        // The elements are of this type from the first, so there always is an array.
        array.downcast::<T>().map(ArrayBase::to_owned).unwrap_or_default()
    }

    /// Gives it another value.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Update`] if the shape is not its own; the state is left as it was.
    pub fn set<S: Data<Elem = T>, D: Dimension>(&self, array: ArrayBase<S, D>) -> Result<()> {
        self.state.write(owned(array))
    }

    /// The same state, with the element type as a value.
    pub fn any(&self) -> &AnyShared {
        &self.state
    }
}

/// The array with its elements in row-major order.
fn owned<T: Element, S: Data<Elem = T>, D: Dimension>(array: ArrayBase<S, D>) -> AnyArray {
    if array.is_standard_layout() { AnyArray::from(array.into_owned()) } else { AnyArray::from(array.as_standard_layout().into_owned()) }
}

impl AnyShared {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Its type; all lengths are known.
    pub fn ty(&self) -> &Type {
        &self.0.ty
    }

    /// Its element type.
    pub fn dtype(&self) -> DType {
        self.0.ty.dtype
    }

    /// A number that no other state has while this one lives.
    pub fn identity(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }

    /// Its value. Cheap: the elements are shared until somebody changes them.
    pub fn read(&self) -> AnyArray {
        self.lock_to_read().array.clone()
    }

    /// Its value, and the write that it comes from.
    pub fn read_with_write(&self) -> (AnyArray, Write) {
        let held = self.lock_to_read();
        (held.array.clone(), held.last)
    }

    /// Gives it another value.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Update`] if the element type or the shape is not its own; the state is left as it was.
    pub fn write(&self, mut array: AnyArray) -> Result<()> {
        self.accept(&array)?;
        self.lock_to_write().swap(&mut array);
        Ok(())
    }

    fn accept(&self, array: &AnyArray) -> Result<()> {
        let dims = &self.0.ty.dims;
        let is_same = |(dim, &length): (&Dim, &usize)| dim.known() == i64::try_from(length).ok();
        if array.dtype() == self.0.ty.dtype && array.shape().len() == dims.len() && dims.iter().zip(array.shape()).all(is_same) {
            return Ok(());
        }
        let given = Type::new(array.dtype(), array.shape().iter().copied());
        Err(Error::new(ErrorKind::Update, format!("`{}` cannot take this value", self.name()))
            .explain(format!("it is {}, and the value is {given}", self.0.ty))
            .advise("a state keeps its shape and element type; make another `Shared` for another shape"))
    }

    // A thread that panicked while it held the lock had replaced the array or not: it is whole either way.
    fn lock_to_read(&self) -> RwLockReadGuard<'_, Held> {
        self.0.held.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_to_write(&self) -> RwLockWriteGuard<'_, Held> {
        self.0.held.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PartialEq for AnyShared {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for AnyShared {}

impl fmt::Debug for AnyShared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Shared({}: {})", self.0.name, self.0.ty)
    }
}

impl<T> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.state.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{arr0, arr1, arr2};

    #[test]
    fn a_clone_is_the_same_state() {
        let (a, b) = (Shared::new("a", arr1(&[1.0f32, 2.0])), Shared::new("a", arr1(&[1.0f32, 2.0])));
        a.clone().set(arr1(&[3.0, 4.0])).unwrap();
        assert_eq!(a.get(), arr1(&[3.0, 4.0]).into_dyn());
        assert!(a.any() == a.clone().any() && a.any() != b.any());
        assert_eq!(format!("{a:?}"), "Shared(a: f32[2])");
    }

    #[test]
    fn a_state_keeps_its_type() {
        let a = Shared::new("a", arr2(&[[1i64, 2], [3, 4]]).t());
        assert_eq!(a.get(), arr2(&[[1i64, 3], [2, 4]]).into_dyn());
        let error = a.set(arr1(&[1i64, 2])).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Update);
        assert!(error.to_string().contains("it is i64[2, 2], and the value is i64[2]"), "{error}");
        assert!(a.any().write(AnyArray::from(arr2(&[[1i32, 2], [3, 4]]))).is_err());
        assert_eq!(a.get()[[1, 0]], 2);
    }

    #[test]
    fn a_state_knows_its_last_write() {
        let a = Shared::new("a", arr0(1f64));
        let (_, first) = a.any().read_with_write();
        a.set(arr0(1.0)).unwrap();
        let (array, second) = a.any().read_with_write();
        assert_eq!((array.numbers()[0].to_real(), second == first, second.is_of_this_thread()), (1.0, false, true));
        thread::scope(|scope| scope.spawn(|| a.set(arr0(2.0))).join()).unwrap().unwrap();
        let (array, third) = a.any().read_with_write();
        assert_eq!((array.numbers()[0].to_real(), third == second, third.is_of_this_thread()), (2.0, false, false));
        a.set(ndarray::arr1(&[2.0])).unwrap_err();
        assert_eq!(a.any().read_with_write().1, third);
    }
}
