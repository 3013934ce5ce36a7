//! Convolution: a filter slides over an array, and at each place their products are summed.

use ndarray::ArrayD;
use smallvec::{SmallVec, smallvec};

use super::attributes::{Attributes, malformed};
use super::compensated::Compensated;
use super::slice::{Range, Slice};
use super::{Derivative, Elements, Linear, Primitive, Types, arity, one, require};
use crate::any_array::AnyArray;
use crate::dim::Dim;
use crate::error::{Problem, Result};
use crate::graph::{Graph, Value};
use crate::lengths::Lengths;
use crate::number::Number;
use crate::sizes::Sizes;
use crate::types::Type;

/// Sums of products of a filter and the windows it slides over: `x: [batch, groups·i, n..], w: [groups·o, i, k..] -> [batch, groups·o, m..]`.
///
/// Along each of the one to three spatial axes window `j` begins at place `begins.start + j·begins.step` of `x`, and tap `t` of the filter
/// meets the place `t·dilation` after that. `x` is first spread apart, so that its neighbours are `spread` places from each other. Between
/// them and outside there are zeros. The filter is not flipped. Floats, and integers, which wrap.
///
/// With strides, dilation and spread it is closed: both of its transposes are convolutions.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Conv {
    /// Where the windows begin along each spatial axis: before place 0 where the input is padded.
    pub begins: SmallVec<[Range; 4]>,
    /// How far the taps of the filter are apart.
    pub dilation: SmallVec<[usize; 4]>,
    /// How far the elements of the input are spread apart.
    pub spread: SmallVec<[usize; 4]>,
    /// Channels are divided into so many groups, each convolved with its own filters.
    pub groups: usize,
}

/// What an axis of the input, of the filter and of the result have to do with each other in a call.
struct Axis {
    input: usize,
    taps: usize,
    begin: i128,
    stride: i128,
    dilation: i128,
    spread: i128,
}

impl Axis {
    /// The element of the input that a tap meets in a window, if it is none of the zeros.
    fn place(&self, window: usize, tap: usize) -> Option<usize> {
        let place = self.begin + window as i128 * self.stride + tap as i128 * self.dilation;
        let element = usize::try_from(place / self.spread).ok()?;
        (place >= 0 && place % self.spread == 0 && element < self.input).then_some(element)
    }
}

impl Conv {
    pub(crate) const NAME: &'static str = "conv";

    /// The most spatial axes it has.
    pub const MOST_AXES: usize = 3;

    pub(crate) fn parse(attributes: &Attributes) -> Result<Self, Problem> {
        Ok(Conv {
            begins: attributes.list("begins")?.into_iter().map(Range::parse).collect::<Result<_, _>>()?,
            dilation: attributes.axes("dilation")?.into(),
            spread: attributes.axes("spread")?.into(),
            groups: usize::try_from(attributes.integer("groups")?).map_err(|_| malformed("a number of groups is not negative"))?,
        })
    }

    /// Refuses parameters that no operands fit.
    fn check(&self) -> Result<(), Problem> {
        let axes = self.begins.len();
        if !(1..=Self::MOST_AXES).contains(&axes) {
            let message = format!("it slides along {axes} axes");
            return Err(Problem::axis(message).advise("give batch, channels and one to three spatial axes"));
        }
        if self.dilation.len() != axes || self.spread.len() != axes {
            let message = format!("{} dilations and {} spreads were given for {axes} spatial axes", self.dilation.len(), self.spread.len());
            return Err(Problem::axis(message).advise("give one for each spatial axis"));
        }
        for (axis, range) in self.begins.iter().enumerate() {
            let steps = [("stride", range.step), ("dilation", self.dilation[axis] as i64), ("input dilation", self.spread[axis] as i64)];
            if let Some((name, step)) = steps.into_iter().find(|(_, step)| *step < 1) {
                return Err(Problem::axis(format!("the {name} along spatial axis {axis} is {step}")).advise("a step is 1 or more"));
            }
        }
        if self.groups == 0 {
            return Err(Problem::axis("the channels are divided into 0 groups").advise("one group takes all channels together"));
        }
        Ok(())
    }

    fn axes(&self, x: &[usize], w: &[usize], sizes: &Sizes) -> Result<Vec<Axis>, Problem> {
        let axis = |(axis, range): (usize, &Range)| {
            let begin = sizes.evaluate(&range.start).ok_or_else(|| Problem::shapes(format!("the start `{}` is not known", range.start)))?;
            Ok(Axis {
                input: x[2 + axis],
                taps: w[2 + axis],
                begin: begin.into(),
                stride: range.step.into(),
                dilation: self.dilation[axis] as i128,
                spread: self.spread[axis] as i128,
            })
        };
        self.begins.iter().enumerate().map(axis).collect()
    }

    /// The result in row-major order. `sum` gives the sum of the products of pairs.
    fn slide<T: Copy>(
        &self,
        x: &ArrayD<T>,
        w: &ArrayD<T>,
        shape: &[usize],
        sizes: &Sizes,
        sum: impl Fn(&mut dyn Iterator<Item = (T, T)>) -> Number,
    ) -> Result<Vec<Number>, Problem> {
        let axes = self.axes(x.shape(), w.shape(), sizes)?;
        let channels = w.shape()[1];
        let inside: usize = axes.iter().map(|axis| axis.input).product();
        let taps: usize = axes.iter().map(|axis| axis.taps).product();
        let (x_elements, w_elements): (Vec<T>, Vec<T>) = (x.iter().copied().collect(), w.iter().copied().collect());
        let places = shape[2..].iter().product::<usize>().max(1);
        let mut result = Vec::new();
        for (place, window) in (0..shape.iter().product()).map(|place| (place, place % places)) {
            let (batch, output) = (place / places / shape[1], place / places % shape[1]);
            let group = output / (shape[1] / self.groups);
            // What the window holds: the place of each tap and of the element of the input that it meets.
            let met: Vec<(usize, usize)> = (0..taps).filter_map(|tap| Some((tap, meeting(&axes, &shape[2..], window, tap)?))).collect();
            let mut pairs = (0..channels).flat_map(|channel| {
                let from = (batch * x.shape()[1] + group * channels + channel) * inside;
                let filter = (output * channels + channel) * taps;
                met.iter().map(move |&(tap, element)| (from + element, filter + tap))
            });
            result.push(sum(&mut pairs.by_ref().map(|(element, tap)| (x_elements[element], w_elements[tap]))));
        }
        Ok(result)
    }

    /// A filter or input whose channels, axis 1, are in groups with an axis of their own: `[a, groups·c, n..] -> [a, groups, c, n..]`.
    fn split(&self, graph: &mut Graph, value: Value, axis: usize, length: &Dim) -> Result<Value> {
        let dims = graph.ty(value).dims.clone();
        let groups = Dim::from(self.groups);
        let to = dims[..axis].iter().chain([&groups, length]).chain(&dims[axis + 1..]).cloned().collect();
        graph.reshape(value, &to)
    }

    /// Two neighbouring axes as one of that length.
    fn join(graph: &mut Graph, value: Value, axis: usize, length: &Dim) -> Result<Value> {
        let dims = graph.ty(value).dims.clone();
        let to = dims[..axis].iter().chain([length]).chain(&dims[axis + 2..]).cloned().collect();
        graph.reshape(value, &to)
    }

    /// The first two axes of a value exchanged, or others: the rest stays.
    fn exchange(graph: &mut Graph, value: Value, first: &[usize]) -> Result<Value> {
        let order: Vec<usize> = first.iter().copied().chain(first.len()..graph.ty(value).rank()).collect();
        graph.transpose(value, &order)
    }

    /// The cotangent of the input: the filters flipped, with the channels of input and result exchanged, slide over the cotangent.
    fn of_input(&self, graph: &mut Graph, [x, w]: [Value; 2], cotangent: Value) -> Result<Value> {
        let (x_dims, w_dims) = (graph.ty(x).dims.clone(), graph.ty(w).dims.clone());
        let whole = w_dims[..2].iter().map(|dim| Range::whole(dim.clone()));
        let backwards = w_dims[2..].iter().map(|dim| Range { start: dim.clone() - 1, step: -1, length: dim.clone() });
        let mut filter = graph.add(Slice { ranges: whole.chain(backwards).collect() }, &[w])?;
        if self.groups == 1 {
            filter = Self::exchange(graph, filter, &[1, 0])?;
        } else {
            let outputs = w_dims[0].floor_div(&self.groups.into());
            filter = self.split(graph, filter, 0, &outputs)?;
            filter = Self::exchange(graph, filter, &[0, 2, 1])?;
            filter = Self::join(graph, filter, 0, &x_dims[1])?;
        }
        let begin = |(axis, range): (usize, &Range)| Range {
            start: -range.start.clone() - (w_dims[2 + axis].clone() - 1) * Dim::from(self.dilation[axis]),
            step: self.spread[axis] as i64,
            length: x_dims[2 + axis].clone(),
        };
        let conv = Conv {
            begins: self.begins.iter().enumerate().map(begin).collect(),
            dilation: self.dilation.clone(),
            spread: self.strides(),
            groups: self.groups,
        };
        graph.add(conv, &[cotangent, filter])
    }

    /// The cotangent of the filter: the cotangent slides over the input. What was the batch is the channels, and the other way round.
    fn of_filter(&self, graph: &mut Graph, [x, w]: [Value; 2], cotangent: Value) -> Result<Value> {
        let w_dims = graph.ty(w).dims.clone();
        let mut input = x;
        if self.groups == 1 {
            input = Self::exchange(graph, input, &[1, 0])?;
        } else {
            let batch = graph.ty(x).dims[0].clone();
            input = self.split(graph, input, 1, &w_dims[1])?;
            input = Self::exchange(graph, input, &[2, 1, 0])?;
            input = Self::join(graph, input, 1, &(batch * Dim::from(self.groups)))?;
        }
        let filter = Self::exchange(graph, cotangent, &[1, 0])?;
        let begin =
            |(axis, range): (usize, &Range)| Range { start: range.start.clone(), step: self.dilation[axis] as i64, length: w_dims[2 + axis].clone() };
        let conv = Conv {
            begins: self.begins.iter().enumerate().map(begin).collect(),
            dilation: self.strides(),
            spread: self.spread.clone(),
            groups: self.groups,
        };
        let by_channels = graph.add(conv, &[input, filter])?;
        Self::exchange(graph, by_channels, &[1, 0])
    }

    fn strides(&self) -> SmallVec<[usize; 4]> {
        self.begins.iter().map(|range| range.step as usize).collect()
    }
}

/// The place in row-major order of the element of the input that a tap meets in a window, both given by such places, too.
fn meeting(axes: &[Axis], windows: &[usize], mut window: usize, mut tap: usize) -> Option<usize> {
    let mut there: SmallVec<[usize; 3]> = smallvec![];
    for (axis, &count) in axes.iter().zip(windows).rev() {
        there.push(axis.place(window % count, tap % axis.taps)?);
        (window, tap) = (window / count, tap / axis.taps);
    }
    Some(axes.iter().zip(there.iter().rev()).fold(0, |place, (axis, &element)| place * axis.input + element))
}

impl Primitive for Conv {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn attributes(&self) -> Attributes {
        let attributes = Attributes::none().with_list("begins", &self.begins).with_list("dilation", &self.dilation);
        attributes.with_list("spread", &self.spread).with("groups", self.groups)
    }

    fn infer(&self, inputs: &[&Type], lengths: &mut Lengths) -> Result<Types, Problem> {
        let [x, w] = arity(inputs)?;
        require::same_dtype(inputs)?;
        require::float_or_integer(x.dtype)?;
        self.check()?;
        let rank = self.begins.len() + 2;
        for (name, ty) in [("input", x), ("filter", w)] {
            if ty.rank() != rank {
                let message = format!("the {name} has {} axes, and {rank} were expected: {ty}", ty.rank());
                let order = if name == "input" {
                    "batch, channels, then the spatial axes"
                } else {
                    "channels of the result, of the input, then the spatial axes"
                };
                return Err(Problem::shapes(message).advise(format!("give {order}")));
            }
        }
        let groups = Dim::from(self.groups);
        let channels = w.dims[1].clone() * groups.clone();
        if lengths.unify(&x.dims[1], &channels).is_none() {
            let of = if self.groups == 1 { String::new() } else { format!(" in each of {} groups", self.groups) };
            let message = format!("the input has {} channels, and the filter takes {}{of}", x.dims[1], w.dims[1]);
            return Err(Problem::shapes(message).advise("the second axis of the input counts channels, as does the second of the filter"));
        }
        if lengths.unify(&w.dims[0], &(w.dims[0].floor_div(&groups) * groups)).is_none() {
            let message = format!("the {} filters are not divided into {} equal groups", w.dims[0], self.groups);
            return Err(Problem::shapes(message).advise("give a multiple of the groups"));
        }
        for (axis, range) in self.begins.iter().enumerate() {
            // Where nothing is known of a length, a window must fit; results without elements are for those who know.
            let least = Dim::from(i64::from(range.length.known().is_none()));
            if !lengths.at_least(&range.length, &least) {
                return Err(Problem::shapes(format!("the filter is larger than the input along spatial axis {axis}: {} windows", range.length)));
            }
        }
        let windows = self.begins.iter().map(|range| &range.length);
        Ok(one(Type::new(x.dtype, [&x.dims[0], &w.dims[0]].into_iter().chain(windows))))
    }

    fn evaluate(&self, inputs: &[&AnyArray], sizes: &Sizes) -> Result<SmallVec<[AnyArray; 1]>, Problem> {
        let types = require::fit(self, inputs)?;
        let [x, w] = arity(inputs)?;
        let shape = sizes.shape(&types[0].dims)?;
        require::filled(&shape, ())?;
        let result = if x.dtype().is_float() {
            self.slide(&x.to_reals(), &w.to_reals(), &shape, sizes, |pairs| {
                let mut sum = Compensated::default();
                pairs.for_each(|(x, w)| sum.add_product(x, w));
                Number::Real(sum.value())
            })?
        } else {
            let product = |sum: i128, (x, w): (i128, i128)| sum.wrapping_add(x.wrapping_mul(w));
            self.slide(&x.to_integers(), &w.to_integers(), &shape, sizes, |pairs| Number::Integer(pairs.fold(0, product)))?
        };
        AnyArray::from_numbers(x.dtype(), &shape, result).map(one).ok_or_else(|| Problem::shapes("the count of products is off"))
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::Multilinear(self)
    }
}

impl Linear for Conv {
    fn transpose(&self, graph: &mut Graph, inputs: &[Value], wrt: usize, cotangent: Value) -> Result<Value> {
        let operands = [inputs[0], inputs[1]];
        if wrt == 0 { self.of_input(graph, operands, cotangent) } else { self.of_filter(graph, operands, cotangent) }
    }

    fn elements(&self) -> Elements {
        Elements::Mix
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array, IxDyn, arr3};

    use super::super::linear_identity::assert_transpose;
    use super::*;
    use crate::dtype::DType;
    use crate::error::ErrorKind;
    use crate::symbol::Symbol;

    fn range(start: i64, step: i64, length: i64) -> Range {
        Range { start: start.into(), step, length: length.into() }
    }

    fn conv(begins: &[Range], dilation: &[usize], spread: &[usize], groups: usize) -> Conv {
        Conv { begins: begins.into(), dilation: dilation.into(), spread: spread.into(), groups }
    }

    /// An array of whole numbers without a pattern.
    fn array(shape: &[usize], factor: usize) -> AnyArray {
        let count = shape.iter().product();
        Array::from_shape_vec(IxDyn(shape), (0..count).map(|k| ((k * factor) % 13) as f64 - 6.0).collect()).unwrap().into()
    }

    fn of(conv: &Conv, x: &AnyArray, w: &AnyArray) -> Result<AnyArray, Problem> {
        conv.evaluate(&[x, w], &Sizes::default()).map(|mut y| y.remove(0))
    }

    #[test]
    fn the_filter_slides_and_is_not_flipped() {
        let (x, w) = (AnyArray::from(arr3(&[[[1.0, 2.0, 3.0, 4.0]]])), AnyArray::from(arr3(&[[[1.0, 10.0]]])));
        let row = |row: &[f64]| AnyArray::from(Array::from_shape_vec((1, 1, row.len()), row.to_vec()).unwrap());
        assert_eq!(of(&conv(&[range(0, 1, 3)], &[1], &[1], 1), &x, &w).unwrap(), row(&[21.0, 32.0, 43.0]));
        assert_eq!(of(&conv(&[range(-1, 2, 3)], &[1], &[1], 1), &x, &w).unwrap(), row(&[10.0, 32.0, 4.0]));
        assert_eq!(of(&conv(&[range(0, 1, 2)], &[2], &[1], 1), &x, &w).unwrap(), row(&[31.0, 42.0]));
        assert_eq!(of(&conv(&[range(0, 1, 4)], &[1], &[2], 1), &x, &w).unwrap(), row(&[1.0, 20.0, 2.0, 30.0]));
        assert_eq!(of(&conv(&[range(9, 1, 2)], &[1], &[1], 1), &x, &w).unwrap(), row(&[0.0, 0.0]));
        let bytes = [x.cast(DType::U8), w.cast(DType::U8)];
        assert_eq!(of(&conv(&[range(0, 1, 3)], &[1], &[1], 1), &bytes[0], &bytes[1]).unwrap(), row(&[21.0, 32.0, 43.0]).cast(DType::U8));
    }

    #[test]
    fn nothing_is_an_ordinary_length() {
        let valid = conv(&[range(0, 1, 3)], &[1], &[1], 1);
        assert_eq!(of(&valid, &array(&[0, 2, 4], 5), &array(&[3, 2, 2], 7)).unwrap().shape(), [0, 3, 3]);
        let zeros = of(&valid, &array(&[1, 0, 4], 5), &array(&[3, 0, 2], 7)).unwrap();
        assert_eq!(zeros, AnyArray::from(Array::<f64, _>::zeros((1, 3, 3))));
        let outside = of(&conv(&[range(-1, 1, 2)], &[1], &[1], 1), &array(&[1, 1, 0], 5), &array(&[1, 1, 1], 7)).unwrap();
        assert_eq!(outside, AnyArray::from(Array::<f64, _>::zeros((1, 1, 2))));
    }

    #[test]
    fn what_it_refuses() {
        let infer = |conv: Conv, x: &[i64], w: &[i64]| {
            let [x, w] = [x, w].map(|dims| Type::new(DType::F32, dims.iter().copied()));
            conv.infer(&[&x, &w], &mut Lengths::default()).unwrap_err()
        };
        let plain = |range: Range| conv(&[range], &[1], &[1], 1);
        assert_eq!(infer(plain(range(0, 1, 3)), &[2, 3, 4], &[5, 2, 2]).message, "the input has 3 channels, and the filter takes 2");
        assert_eq!(infer(plain(range(0, 1, -1)), &[2, 3, 4], &[5, 3, 6]).kind, ErrorKind::Shapes);
        assert_eq!(infer(plain(range(0, 1, 3)), &[3, 4], &[5, 3, 2]).kind, ErrorKind::Shapes);
        assert_eq!(infer(plain(range(0, 0, 3)), &[2, 3, 4], &[5, 3, 2]).message, "the stride along spatial axis 0 is 0");
        assert_eq!(infer(conv(&[range(0, 1, 3)], &[0], &[1], 1), &[2, 3, 4], &[5, 3, 2]).kind, ErrorKind::Axis);
        assert_eq!(infer(conv(&[range(0, 1, 3)], &[1], &[1], 0), &[2, 3, 4], &[5, 3, 2]).kind, ErrorKind::Axis);
        assert_eq!(
            infer(conv(&[range(0, 1, 3)], &[1], &[1], 2), &[2, 4, 4], &[5, 2, 2]).message,
            "the 5 filters are not divided into 2 equal groups"
        );
        assert_eq!(infer(conv(&[], &[], &[], 1), &[2, 4], &[5, 4]).kind, ErrorKind::Axis);
        assert_eq!(infer(conv(&[range(0, 1, 3)], &[], &[1], 1), &[2, 3, 4], &[5, 3, 2]).kind, ErrorKind::Axis);
    }

    #[test]
    fn unknown_lengths_stay_so() {
        let [n, c] = ["n", "c"].map(|name| Dim::from(Symbol::new(name)));
        let x = Type::new(DType::F32, [n.clone(), Dim::from(3), n.clone()]);
        let w = Type::new(DType::F32, [Dim::from(4), c, Dim::from(2)]);
        let mut lengths = Lengths::default();
        let valid = conv(&[Range { start: 0.into(), step: 1, length: n - Dim::from(1) }], &[1], &[1], 1);
        assert_eq!(valid.infer(&[&x, &w], &mut lengths).unwrap()[0].to_string(), "f32[n, 4, n - 1]");
        assert_eq!(lengths.requirements().iter().map(ToString::to_string).collect::<Vec<_>>(), ["3 == c", "n - 1 >= 1"]);
    }

    #[test]
    fn it_reads_back() {
        let conv = conv(&[range(-1, 2, 3), range(0, 1, 4)], &[1, 3], &[2, 1], 2);
        assert_eq!(conv.attributes().to_string(), "{begins=[-1 by 2; 3, 0 by 1; 4], dilation=[1, 3], spread=[2, 1], groups=2}");
        assert_eq!(Conv::parse(&conv.attributes()).unwrap(), conv);
    }

    #[test]
    fn its_transposes_are_convolutions() {
        let two = conv(&[range(-2, 2, 4), range(1, 3, 2)], &[2, 1], &[1, 2], 1);
        assert_transpose(two.clone(), &[array(&[2, 3, 7, 4], 5), array(&[4, 3, 3, 2], 7)]);
        assert_transpose(Conv { groups: 2, ..two.clone() }, &[array(&[2, 6, 7, 4], 5), array(&[4, 3, 3, 2], 7)]);
        assert_transpose(Conv { groups: 6, ..two }, &[array(&[2, 6, 7, 4], 5), array(&[6, 1, 3, 2], 7)]);
        assert_transpose(conv(&[range(-1, 1, 5)], &[1], &[1], 1), &[array(&[1, 1, 4], 5), array(&[1, 1, 2], 7)]);
        let volume = conv(&[range(0, 1, 2), range(-1, 2, 2), range(0, 1, 3)], &[1, 1, 1], &[1, 1, 1], 1);
        assert_transpose(volume, &[array(&[2, 2, 3, 3, 3], 5), array(&[2, 2, 2, 2, 1], 7)]);
    }
}
