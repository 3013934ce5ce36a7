//! Tensors made from lengths: counting, the identity matrix, triangles, diagonals, one-hot codes.

use damo_graph::op::constant::Constant;
use damo_graph::op::dim_value::DimValue;
use damo_graph::op::iota::Iota;
use damo_graph::types::IntoDims;
use damo_graph::{AnyArray, Dim, Dims, Element, Integer, Number, Numeric};
use ndarray::Axis;

use crate::compare::select;
use crate::into_tensor::IntoTensor;
use crate::tape::Tape;
use crate::tensor::Tensor;

impl Tape {
    /// 0, 1, 2 … up to a length: `-> [length]`
    ///
    /// ```
    /// use damo_trace::*;
    /// let tape = Tape::new();
    /// assert_eq!(tape.iota::<i64>(3).value()?, ndarray::arr1(&[0, 1, 2]).into_dyn());
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn iota<T: Numeric>(&self, length: impl Into<Dim>) -> Tensor<'_, T> {
        self.structural(Iota { length: length.into(), dtype: T::DTYPE }, &[])
    }

    /// The identity matrix: `-> [n, n]`
    #[track_caller]
    pub fn eye<T: Element>(&self, n: impl Into<Dim>) -> Tensor<'_, T> {
        let _scope = self.composite("eye");
        let n = n.into();
        self.diagonal_mask(&n, &n).cast()
    }

    /// One number everywhere: `-> dims`
    #[track_caller]
    pub fn full<T: Element>(&self, dims: impl IntoDims, number: T) -> Tensor<'_, T> {
        let number: Tensor<'_, T> = number.into_tensor(self);
        number.broadcast(dims)
    }

    /// Zeros: `-> dims`
    #[track_caller]
    pub fn zeros<T: Element>(&self, dims: impl IntoDims) -> Tensor<'_, T> {
        self.full(dims, T::default())
    }

    /// A length as a number, which an average over an unknown length needs: `-> []`
    ///
    /// ```
    /// use damo_trace::*;
    /// let tape = Tape::new();
    /// let x = tape.input_with("x", &ndarray::arr1(&[1.0, 2.0, 6.0]));
    /// let count = tape.length::<f64>(x.len_of(ndarray::Axis(0))?);
    /// assert_eq!((x.sum() / count).value()?[[]], 3.0);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn length<T: Numeric>(&self, length: impl Into<Dim>) -> Tensor<'_, T> {
        let dim = length.into();
        match dim.known() {
            Some(length) => self.structural(Constant(AnyArray::full(T::DTYPE, &[], Number::Integer(length.into()))), &[]),
            None => self.structural(DimValue { dim, dtype: T::DTYPE }, &[]),
        }
    }

    /// Whether row and column are the same.
    #[track_caller]
    fn diagonal_mask(&self, rows: &Dim, columns: &Dim) -> Tensor<'_, bool> {
        let (row, column) = self.rows_and_columns(rows, columns);
        row.equal(column)
    }

    /// The numbers of rows, upright, and of columns, lying.
    #[track_caller]
    fn rows_and_columns(&self, rows: &Dim, columns: &Dim) -> (Tensor<'_, i64>, Tensor<'_, i64>) {
        (self.iota(rows.clone()).insert_axis(Axis(1)), self.iota(columns.clone()).insert_axis(Axis(0)))
    }
}

impl<T: Element> Tensor<'_, T> {
    /// The elements on the diagonal `offset` to the right of the main one and left of it; zeros to its right.
    ///
    /// `x: [.., n, m] -> [.., n, m]`
    #[track_caller]
    pub fn tril(self, offset: i64) -> Self {
        let _scope = self.tape.composite("tril");
        match self.matrix_type("tril") {
            Some(dims) => {
                let (row, column) = self.tape.rows_and_columns(&dims[dims.len() - 2], &dims[dims.len() - 1]);
                select(column.le(row + offset), self, T::default())
            }
            None => self.tape.poison(),
        }
    }

    /// The elements on the diagonal `offset` to the right of the main one and right of it; zeros to its left.
    ///
    /// `x: [.., n, m] -> [.., n, m]`
    #[track_caller]
    pub fn triu(self, offset: i64) -> Self {
        let _scope = self.tape.composite("triu");
        match self.matrix_type("triu") {
            Some(dims) => {
                let (row, column) = self.tape.rows_and_columns(&dims[dims.len() - 2], &dims[dims.len() - 1]);
                select(column.ge(row + offset), self, T::default())
            }
            None => self.tape.poison(),
        }
    }

    /// The lengths, if there are at least two axes.
    #[track_caller]
    fn matrix_type(self, name: &'static str) -> Option<Dims> {
        let rank = self.known_type()?.rank();
        let needed = if rank < 2 { [0, 1] } else { [rank - 2, rank - 1] };
        self.with_axes(name, &needed).map(|ty| ty.dims)
    }
}

impl<T: Numeric> Tensor<'_, T> {
    /// The diagonal of a square matrix.
    ///
    /// `x: [.., n, n] -> [.., n]`
    #[track_caller]
    pub fn diag(self) -> Self {
        let _scope = self.tape.composite("diag");
        match self.matrix_type("diag") {
            Some(dims) => {
                let n = &dims[dims.len() - 1];
                select(self.tape.diagonal_mask(n, n), self, T::default()).sum_over(&[dims.len() - 1])
            }
            None => self.tape.poison(),
        }
    }

    /// A square matrix with these elements on its diagonal.
    ///
    /// `x: [.., n] -> [.., n, n]`
    #[track_caller]
    pub fn to_diag(self) -> Self {
        let _scope = self.tape.composite("to_diag");
        match self.known_type().map(|ty| ty.rank()) {
            Some(rank) if rank > 0 => match self.with_axes("to_diag", &[rank - 1]) {
                Some(ty) => {
                    let n = &ty.dims[rank - 1];
                    select(self.tape.diagonal_mask(n, n), self.insert_axis(Axis(rank - 1)), T::default())
                }
                None => self.tape.poison(),
            },
            Some(_) | None => self.with_axes("to_diag", &[0]).map_or_else(|| self.tape.poison(), |_| self),
        }
    }

    /// The sum of the diagonal of a square matrix.
    ///
    /// `x: [.., n, n] -> [..]`
    #[track_caller]
    pub fn trace(self) -> Self {
        let _scope = self.tape.composite("trace");
        match self.matrix_type("trace") {
            Some(dims) => self.diag().sum_over(&[dims.len() - 2]),
            None => self.tape.poison(),
        }
    }
}

impl<'t, T: Integer> Tensor<'t, T> {
    /// 1 at the place that each number names, else 0; all zeros for a number that is not below `classes`.
    ///
    /// `x: [..] -> [.., classes]`
    ///
    /// ```
    /// use damo_trace::*;
    /// let tape = Tape::new();
    /// let labels = tape.input_with("labels", &ndarray::arr1(&[2i64, 0]));
    /// assert_eq!(labels.one_hot::<f32>(3).value()?, ndarray::arr2(&[[0., 0., 1.], [1., 0., 0.]]).into_dyn());
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn one_hot<U: Element>(self, classes: impl Into<Dim>) -> Tensor<'t, U> {
        let _scope = self.tape.composite("one_hot");
        match self.known_type() {
            Some(ty) => {
                let places = self.tape.iota::<i64>(classes);
                self.cast::<i64>().insert_axis(Axis(ty.rank())).equal(places).cast()
            }
            None => self.tape.poison(),
        }
    }
}
