//! Calling: from many threads, into the caller's arrays, with arrays that do not fit, again and again.

use damo_exec::array::Output;
use damo_exec::{Engine, Executable, Inputs, InstructionSet, Options, Outputs, Target};
use damo_graph::op::dot::Dot;
use damo_graph::op::select_axis::SelectAxis;
use damo_graph::{DType, ErrorKind, Graph};
use ndarray::{Array2, ArrayD, arr1, arr2, s};

use crate::judge::{CHECKED, input};

/// `x.dot(x.t()) + 1`, of any number of rows and columns, and the sum of `x`.
fn program(options: Options) -> Executable {
    let mut graph = Graph::new();
    let x = input(&mut graph, "x", DType::F64, &[2, 2]);
    let product = graph.add(Dot { batch: [].as_slice().into(), contract: [(1, 1)].as_slice().into() }, &[x, x]).unwrap();
    let one = graph.number(DType::F64, 1.0).unwrap();
    let y = graph.plus(product, one).unwrap();
    let sum = graph.sum(x, &[0, 1]).unwrap();
    graph.set_outputs([y, sum]);
    Executable::new(graph, options).unwrap()
}

#[test]
fn executables_are_shared_by_threads() {
    const fn shared<T: Send + Sync>() {}
    shared::<Executable>();
    let executable = program(CHECKED);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let executable = &executable;
            scope.spawn(move || {
                for round in 0..50 {
                    let x = Array2::from_elem((1 + round % 3, 2 + thread), f64::from(thread as u8));
                    let found = executable.call(&[&x]).unwrap();
                    let expected = x.dot(&x.t()) + 1.0;
                    assert_eq!(*found[0].downcast::<f64>().unwrap(), expected.into_dyn());
                }
            });
        }
    });
}

#[test]
fn results_go_where_the_caller_wants() {
    for engine in [Engine::Native, Engine::Portable, Engine::Reference] {
        let executable = program(Options { engine, ..CHECKED });
        let x = arr2(&[[1.0, 2.0], [3.0, 4.0]]);
        let mut plain = Array2::<f64>::zeros((2, 2));
        let left = executable.call_into(&[&x], &mut [&mut plain as &mut dyn Target]).unwrap();
        assert_eq!(left.len(), 1);
        let expected = arr2(&[[6.0, 12.0], [12.0, 26.0]]);
        assert_eq!(plain, expected);
        let mut wide = Array2::<f64>::zeros((4, 2));
        let mut sum = ndarray::arr0(0.0);
        let left = executable.call_into(&[&x], &mut [&mut wide.slice_mut(s![..;-2, ..]), &mut sum]).unwrap();
        assert!(left.is_empty());
        assert_eq!((wide.slice(s![..;-2, ..]).to_owned(), sum.into_scalar()), (expected, 10.0));
        let mut wrong = Array2::<f64>::zeros((3, 2));
        assert_eq!(executable.call_into(&[&x], &mut [&mut wrong]).unwrap_err().kind(), ErrorKind::Argument);
        let mut wrong = Array2::<f32>::zeros((2, 2));
        assert_eq!(executable.call_into(&[&x], &mut [&mut wrong]).unwrap_err().kind(), ErrorKind::Argument);
    }
}

#[test]
fn results_are_the_callers_own_whatever_is_written_again() {
    for engine in [Engine::Native, Engine::Portable, Engine::Reference] {
        let executable = program(Options { engine, ..CHECKED });
        let (mut frame, mut results): (_, Vec<Output>) = (executable.frame(), Vec::new());
        let mut kept: Vec<[[ArrayD<f64>; 2]; 2]> = Vec::new();
        // Small ones again and again, large ones, none at all, other lengths of as many elements.
        for (call, &shape) in [(2, 3), (2, 3), (40, 3), (2, 3), (0, 2), (1, 2), (2, 1), (40, 1), (40, 1), (3, 2)].iter().enumerate() {
            let x = Array2::from_shape_fn(shape, |(i, j)| (call * 7 + i * 3 + j) as f64);
            let mut outputs = Outputs { targets: &mut [], states: &mut [], results: &mut results };
            executable.run(&mut frame, Inputs::new(&[&x], &[]), &mut outputs).unwrap();
            assert_eq!(results.len(), 2);
            let taken = [0, 1].map(|place| results[place].take::<f64>().unwrap());
            let expected = [(x.dot(&x.t()) + 1.0).into_dyn(), ndarray::arr0(x.sum()).into_dyn()];
            assert_eq!(taken, expected, "{engine:?}, call {call}");
            assert!(results[0].take::<f32>().is_none());
            kept.push([taken, expected]);
        }
        for [taken, expected] in &kept {
            assert_eq!(taken, expected);
        }
        // Nothing that the caller does to them reaches a later call.
        kept.iter_mut().flat_map(|[taken, _]| taken).for_each(|array| array.fill(-1.0));
        let (x, mut targets) = (arr2(&[[1.0, 2.0]]), [arr2(&[[0.0]]).into_dyn()]);
        let [target] = &mut targets;
        let mut outputs = Outputs { targets: &mut [target], states: &mut [], results: &mut results };
        executable.run(&mut frame, Inputs::new(&[&x], &[]), &mut outputs).unwrap();
        assert_eq!((results.len(), results[0].take::<f64>()), (1, Some(ndarray::arr0(3.0).into_dyn())));
        assert_eq!(targets[0], arr2(&[[6.0]]).into_dyn());
    }
}

#[test]
fn a_failed_call_changes_nothing() {
    let mut graph = Graph::new();
    let x = input(&mut graph, "x", DType::F32, &[3]);
    let places = input(&mut graph, "i", DType::I64, &[3]);
    let double = graph.plus(x, x).unwrap();
    let picked = graph.add(SelectAxis { axis: 0 }, &[x, places]).unwrap();
    graph.set_outputs([double, picked]);
    let executable = Executable::new(graph, CHECKED).unwrap();
    let (x, mut doubled) = (arr1(&[1.0f32, 2.0]), arr1(&[7.0f32, 7.0]));
    let error = executable.call_into(&[&x, &arr1(&[0i64, 2])], &mut [&mut doubled]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Execution);
    assert_eq!(doubled, arr1(&[7.0, 7.0]));
    executable.call_into(&[&x, &arr1(&[0i64, -1])], &mut [&mut doubled]).unwrap();
    assert_eq!(doubled, arr1(&[2.0, 4.0]));
}

#[test]
fn arrays_that_do_not_fit_are_refused() {
    let executable = program(CHECKED);
    let x = arr2(&[[1.0, 2.0]]);
    assert_eq!(executable.call(&[]).unwrap_err().kind(), ErrorKind::Argument);
    assert_eq!(executable.call(&[&x.mapv(|x| x as f32)]).unwrap_err().kind(), ErrorKind::Argument);
    assert_eq!(executable.call(&[&x.row(0)]).unwrap_err().kind(), ErrorKind::Argument);
    assert!(Executable::new(Graph::new(), CHECKED).is_err());
}

#[test]
fn instructions_that_the_processor_lacks_are_refused() {
    for set in InstructionSet::ALL {
        let mut graph = Graph::new();
        let x = input(&mut graph, "x", DType::F64, &[3]);
        graph.set_outputs([x]);
        match Executable::new(graph, Options { instructions: Some(set), ..Options::default() }) {
            Ok(executable) => assert!(set.is_available() && executable.options().machine_code() == Some(set)),
            Err(error) => {
                assert!(!set.is_available() && error.kind() == ErrorKind::Config);
                assert!(error.to_string().contains("this processor does not have AVX"), "{error}");
            }
        }
    }
}

#[test]
fn plans_are_kept_and_bounded() {
    let executable = program(Options { plan_cache: 2, ..CHECKED });
    for rows in [1, 2, 1, 3, 1, 2] {
        executable.call(&[&Array2::<f64>::ones((rows, 2))]).unwrap();
    }
    // 2 went when 3 came.
    let text = executable.explain();
    assert!(text.starts_with("2 plans kept of at most 2: found 2 times, made 4 times"), "{text}");
}

#[test]
fn the_same_program_gives_the_same_plan() {
    let x = Array2::<f64>::ones((3, 4));
    let text = |executable: Executable| executable.plan(&[&x]).unwrap().explain(executable.graph());
    assert_eq!(text(program(CHECKED)), text(program(CHECKED)));
}
