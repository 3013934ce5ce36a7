//! A scratch profile.
use damo::Tape;
use damo_benches::large::Large;
use damo_benches::large::processor_time;
fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let (size, times): (usize, usize) = (arguments[2].parse().unwrap(), arguments[3].parse().unwrap());
    let tape = Tape::new();
    let large = if arguments[1] == "chain" { Large::chain(&tape, size) } else { Large::network(&tape, size) };
    let arrays = large.arrays().unwrap();
    let mut best = [f64::MAX; 2];
    let mut last = None;
    for _ in 0..times {
        let start = processor_time();
        let function = large.freeze().unwrap();
        let frozen = (processor_time() - start).as_secs_f64() * 1e3;
        if arguments.len() < 5 {
            function.call(arrays.iter().collect::<Vec<_>>()).unwrap();
        }
        let total = (processor_time() - start).as_secs_f64() * 1e3;
        best = [best[0].min(frozen), best[1].min(total)];
        last = Some(function);
    }
    let function = last.unwrap();
    println!(
        "{} {size}: {} -> {} nodes, frozen {:.1} ms, first results {:.1} ms",
        arguments[1],
        function.traced_graph().len(),
        function.graph().len(),
        best[0],
        best[1]
    );
    println!("{}", function.passes());
    println!(
        "{} rewrites; {}",
        function.graph().rewrites().len(),
        function.explain().lines().filter(|l| l.contains("arena") && l.contains("least")).collect::<String>()
    );
}
