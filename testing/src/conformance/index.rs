//! Indexing as NumPy does it: integers, slices, `None`, `...` and integer arrays, to read and to write.

use damo::op::reduce::Reduction;
use damo::op::scalar;
use damo::{Element, Tensor};

use super::arithmetic;
use super::array::{self, Span, map_array};
use super::interpret::Interpreter;
use super::object::Object;
use super::stop::{Stop, malformed, unsupported};

/// What one part of an index makes of the array's axes.
enum Part<'t> {
    /// The next axis stays, with a range of it.
    Kept(Span),
    /// One element of the next axis, which goes.
    One(Span),
    /// The next axis is picked from by an array.
    Picked(Tensor<'t, i64>),
    /// A new axis of length 1.
    New,
}

/// `object[index]`
pub(crate) fn get<'t>(interpreter: &Interpreter<'t>, object: &Object<'t>, place: &Object<'t>) -> Result<Object<'t>, Stop> {
    match object {
        Object::At(array) => Ok(Object::Place(array.clone(), place.clone().into())),
        Object::Tuple(items) | Object::List(items) => item(items, place),
        Object::Dict(pairs) => {
            let key = place.integer()?;
            let found = pairs.iter().find(|(known, _)| known.integer().is_ok_and(|known| known == key));
            found.map(|(_, value)| value.clone()).ok_or_else(|| malformed(format!("no key {key}")))
        }
        array => {
            let parts = parts(interpreter, &array::shape(array)?, place)?;
            map_array!(array, |tensor| read(*tensor, &parts)?)
        }
    }
}

fn item<'t>(items: &[Object<'t>], place: &Object<'t>) -> Result<Object<'t>, Stop> {
    if let Object::Slice(bounds) = place {
        let span = span(bounds, items.len())?;
        return Ok(Object::tuple((0..span.length as i64).map(|k| items[(span.start + k * span.step) as usize].clone())));
    }
    let place = place.integer()?;
    let counted = if place < 0 { place + items.len() as i64 } else { place };
    items.get(counted as usize).cloned().ok_or_else(|| malformed(format!("item {place} of {}", items.len())))
}

/// `start:stop:step` of a length, by Python's rules.
pub(crate) fn span(bounds: &[Option<i64>; 3], length: usize) -> Result<Span, Stop> {
    let length = length as i64;
    let step = bounds[2].unwrap_or(1);
    let counted = |bound: i64| if bound < 0 { bound + length } else { bound };
    let (first, last) = match step {
        0 => return Err(malformed("a slice with step 0")),
        1.. => (bounds[0].map_or(0, counted).clamp(0, length), bounds[1].map_or(length, counted).clamp(0, length)),
        _ => (bounds[0].map_or(length - 1, counted).clamp(-1, length - 1), bounds[1].map_or(-1, counted).clamp(-1, length - 1)),
    };
    let count = if step > 0 { (last - first + step - 1).div_euclid(step) } else { (first - last - step - 1).div_euclid(-step) };
    Ok(Span { start: if count > 0 { first } else { 0 }, step, length: count.max(0) as usize })
}

/// What each part of an index means for the axes of a shape.
fn parts<'t>(interpreter: &Interpreter<'t>, shape: &[usize], place: &Object<'t>) -> Result<Vec<Part<'t>>, Stop> {
    let single = [place.clone()];
    let items = if let Object::Tuple(items) = place { items } else { &single[..] };
    let consumed = items.iter().filter(|item| !matches!(item, Object::None | Object::Ellipsis)).count();
    let missing = shape.len().checked_sub(consumed).ok_or_else(|| malformed(format!("{consumed} indices into {} axes", shape.len())))?;
    let has_arrays = items.iter().any(|item| item.is_array() || matches!(item, Object::List(_)));
    let mut axes = shape.iter().copied();
    let mut parts = Vec::new();
    let mut rest_is_placed = false;
    for item in items {
        match item {
            Object::None => parts.push(Part::New),
            Object::Ellipsis => {
                rest_is_placed = true;
                parts.extend(axes.by_ref().take(missing).map(|length| Part::Kept(Span::from(0, length))));
            }
            item => {
                let length = axes.next().unwrap_or(0);
                parts.push(match item {
                    Object::Slice(bounds) => Part::Kept(span(bounds, length)?),
                    Object::Integer(place) if has_arrays => Part::Picked(array::full(interpreter.tape, *place, &[])),
                    Object::Integer(place) => {
                        let counted = if *place < 0 { place + length as i64 } else { *place };
                        if counted < 0 || counted >= length as i64 {
                            return Err(malformed(format!("index {place} of {length}")));
                        }
                        Part::One(Span { start: counted, step: 1, length: 1 })
                    }
                    Object::Mask(_) => return Err(unsupported("a boolean index")),
                    array => Part::Picked(arithmetic::wholes(interpreter.tape, array)?),
                });
            }
        }
    }
    if !rest_is_placed {
        parts.extend(axes.map(|length| Part::Kept(Span::from(0, length))));
    }
    Ok(parts)
}

fn read<'t, T: Element>(tensor: Tensor<'t, T>, parts: &[Part<'t>]) -> Result<Tensor<'t, T>, Stop> {
    let lengths = array::lengths_of(tensor)?;
    let mut axes = lengths.iter();
    let mut spans = Vec::new();
    for part in parts {
        match part {
            Part::New => {}
            Part::Kept(span) | Part::One(span) => {
                axes.next();
                spans.push(*span);
            }
            Part::Picked(_) => spans.push(Span::from(0, axes.next().copied().unwrap_or(0))),
        }
    }
    let is_whole = spans.iter().zip(&lengths).all(|(span, &length)| *span == Span::from(0, length));
    let sliced = if is_whole { tensor } else { array::slice(tensor, &spans) };
    if parts.iter().any(|part| matches!(part, Part::Picked(_))) {
        return pick(sliced, parts);
    }
    let result: Vec<usize> = parts
        .iter()
        .filter_map(|part| match part {
            Part::Kept(span) => Some(span.length),
            Part::New => Some(1),
            Part::One(_) | Part::Picked(_) => None,
        })
        .collect();
    Ok(if result == array::lengths_of(sliced)? { sliced } else { array::reshape(sliced, &result) })
}

/// Reads by arrays: the picked axes go to the front and are read as one, by a flat index.
fn pick<'t, T: Element>(tensor: Tensor<'t, T>, parts: &[Part<'t>]) -> Result<Tensor<'t, T>, Stop> {
    let lengths = array::lengths_of(tensor)?;
    let (mut picked, mut kept, mut indices) = (Vec::new(), Vec::new(), Vec::new());
    for (axis, part) in parts.iter().filter(|part| !matches!(part, Part::New)).enumerate() {
        if let Part::Picked(index) = part {
            picked.push(axis);
            indices.push(*index);
        } else {
            kept.push(axis);
        }
    }
    let order: Vec<usize> = picked.iter().chain(&kept).copied().collect();
    let kept_lengths: Vec<usize> = kept.iter().map(|&axis| lengths[axis]).collect();
    let picked_lengths: Vec<usize> = picked.iter().map(|&axis| lengths[axis]).collect();
    let flat: Vec<usize> = std::iter::once(picked_lengths.iter().product()).chain(kept_lengths).collect();
    let index = flat_index(&indices, &picked_lengths)?;
    let index_rank = array::lengths_of(index)?.len();
    let read = array::rows(array::reshape(array::permute(tensor, &order), &flat), 0, index);

    // The index's axes stand where the arrays stood if these were side by side, else at the front.
    let places: Vec<usize> = (0..parts.len()).filter(|&place| matches!(parts[place], Part::Picked(_))).collect();
    let side_by_side = places.last().zip(places.first()).is_some_and(|(last, first)| last - first + 1 == places.len());
    let before = if side_by_side { parts[..places[0]].iter().filter(|part| matches!(part, Part::Kept(_))).count() } else { 0 };
    let order: Vec<usize> = (index_rank..index_rank + before).chain(0..index_rank).chain(index_rank + before..index_rank + kept.len()).collect();
    let placed = array::permute(read, &order);

    let mut axes = array::lengths_of(placed)?.into_iter();
    let mut result = Vec::new();
    let mut index_is_placed = false;
    if !side_by_side {
        result.extend(axes.by_ref().take(index_rank));
        index_is_placed = true;
    }
    for part in parts {
        match part {
            Part::New => result.push(1),
            Part::Kept(_) => result.extend(axes.next()),
            Part::Picked(_) if !index_is_placed => {
                result.extend(axes.by_ref().take(index_rank));
                index_is_placed = true;
            }
            Part::Picked(_) | Part::One(_) => {}
        }
    }
    Ok(if result == array::lengths_of(placed)? { placed } else { array::reshape(placed, &result) })
}

/// One index into the row-major elements of some lengths, from one index per axis; negative ones count from the end.
pub(crate) fn flat_index<'t>(indices: &[Tensor<'t, i64>], lengths: &[usize]) -> Result<Tensor<'t, i64>, Stop> {
    let [first, rest @ ..] = indices else { return Err(malformed("an index of no arrays")) };
    if rest.is_empty() {
        return Ok(*first);
    }
    let mut flat: Option<Tensor<'t, i64>> = None;
    for (index, &length) in indices.iter().zip(lengths) {
        let tape = index.tape();
        let length = array::full(tape, length as i64, &[]);
        let counted = array::select(array::ask(&scalar::LT, [*index, array::full(tape, 0, &[])]), *index + length, *index);
        flat = Some(flat.map_or(counted, |flat| flat * length + counted));
    }
    flat.ok_or_else(|| malformed("an index of no arrays"))
}

/// `array.at[place].method(values)`
pub(crate) fn write<'t>(
    interpreter: &Interpreter<'t>,
    object: &Object<'t>,
    place: &Object<'t>,
    method: &str,
    values: Option<&Object<'t>>,
) -> Result<Object<'t>, Stop> {
    if method == "get" {
        return get(interpreter, object, place);
    }
    let tape = interpreter.tape;
    let values = values.ok_or_else(|| malformed(format!("`.at[].{method}` of nothing")))?;
    let Object::Real(tensor) = object else { return Err(unsupported(format!("`.at[].{method}` on {}", object.kind()))) };
    let values = arithmetic::reals(tape, values)?;
    if let Object::Mask(mask) = place {
        let changed = match method {
            "set" => values,
            "add" => *tensor + values,
            "multiply" | "mul" => *tensor * values,
            _ => return Err(unsupported(format!("`.at[mask].{method}`"))),
        };
        return Ok(Object::Real(array::select(*mask, array::broadcast(changed, &array::lengths_of(*tensor)?), *tensor)));
    }
    let shape = array::lengths_of(*tensor)?;
    let count: usize = shape.iter().product();
    let numbered = Object::Whole(array::reshape(array::iota(tape, count), &shape));
    let Object::Whole(positions) = get(interpreter, &numbered, place)? else { return Err(malformed("positions")) };
    let target = array::lengths_of(positions)?;
    let updates: usize = target.iter().product();
    let positions = array::reshape(positions, &[updates]);
    let values = array::reshape(array::broadcast(values, &target), &[updates]);
    let flat = array::reshape(*tensor, &[count]);
    let added = |values| array::scatter_add(values, 0, positions, count);
    let changed = match method {
        "add" => flat + added(values),
        "subtract" => flat - added(values),
        // Which of several values for one place stays is not said by NumPy's successors; no case asks.
        "set" => array::select(added(array::full(tape, 1.0, &[updates])).gt(0.0), added(values), flat),
        "multiply" | "mul" => flat * collected(Reduction::Product, values, 1.0, positions, count),
        "max" => flat.max(collected(Reduction::Max, values, f64::NEG_INFINITY, positions, count)),
        "min" => flat.min(collected(Reduction::Min, values, f64::INFINITY, positions, count)),
        other => return Err(unsupported(format!("`.at[].{other}`"))),
    };
    Ok(Object::Real(array::reshape(changed, &shape)))
}

/// For each of `length` places, the rows whose index is that place, reduced; `nothing` where there are none.
///
/// It looks at every pair of row and place, which is plain and, for a case, fast enough.
pub(crate) fn collected<'t>(reduction: Reduction, rows: Tensor<'t, f64>, nothing: f64, index: Tensor<'t, i64>, length: usize) -> Tensor<'t, f64> {
    let tape = rows.tape();
    let lengths = array::lengths_of(rows).unwrap_or_default();
    let mut aligned = vec![1; lengths.len()];
    aligned[0] = lengths[0];
    let wanted: Vec<usize> = std::iter::once(length).chain(lengths.iter().map(|_| 1)).collect();
    let mask = array::ask(&scalar::EQUAL, [array::reshape(index, &aligned), array::reshape(array::iota(tape, length), &wanted)]);
    let all: Vec<usize> = std::iter::once(length).chain(lengths).collect();
    let chosen = array::select(mask, rows, array::full(tape, nothing, &[]));
    array::reduce(reduction, array::broadcast(chosen, &all), &[1])
}
