//! What a record says of the machine, the commit and the day.

use std::fs;
use std::process::Command;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use super::options::Options;

/// The processors that this process may use.
pub fn processors() -> Vec<usize> {
    let set = sched_getaffinity(None).unwrap_or_else(|_| CpuSet::new());
    (0..CpuSet::MAX_CPU).filter(|&cpu| set.is_set(cpu)).collect()
}

/// Keeps this thread, and the processes it starts from now on, on these processors; whether that could be done.
pub fn pin(processors: &[usize]) -> bool {
    let mut set = CpuSet::new();
    processors.iter().filter(|&&cpu| cpu < CpuSet::MAX_CPU).for_each(|&cpu| set.set(cpu));
    sched_setaffinity(None, &set).is_ok()
}

/// Keeps this thread on the processors that so many threads are measured on: of all, or for one thread on that of the options or the last.
pub fn pin_for(options: &Options, threads: usize, all: &[usize]) {
    let one = options.cpu.or_else(|| all.last().copied());
    let wanted = if threads == 1 { one.into_iter().collect() } else { all.to_vec() };
    if !pin(&wanted) {
        println!("# cannot pin to the processors {wanted:?}: measuring goes on without");
    }
}

/// The model of the processor and what it has for floats.
pub fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let value = |key: &str| text.lines().find(|line| line.starts_with(key)).and_then(|line| line.split_once(':')).map(|(_, value)| value.trim());
    let known: Vec<&str> = value("flags").unwrap_or_default().split_whitespace().collect();
    let features: Vec<&str> = ["avx2", "fma", "avx512f", "amx_tile"].into_iter().filter(|feature| known.contains(feature)).collect();
    let (model, family, number) = (value("model name").unwrap_or("unknown"), value("cpu family").unwrap_or("?"), value("model\t").unwrap_or("?"));
    format!("{model} (family {family}, model {number}; {})", features.join(", "))
}

/// The last level of each cache, as the system tells it.
pub fn caches() -> String {
    let read = |index: usize, file: &str| fs::read_to_string(format!("/sys/devices/system/cpu/cpu0/cache/index{index}/{file}"));
    let cache = |index| {
        let (level, kind, size) = (read(index, "level").ok()?, read(index, "type").ok()?, read(index, "size").ok()?);
        (kind.trim() != "Instruction").then(|| format!("L{} {}", level.trim(), size.trim()))
    };
    (0..6).filter_map(cache).collect::<Vec<_>>().join(", ")
}

/// The load of the last minute.
pub fn load() -> String {
    fs::read_to_string("/proc/loadavg").ok().and_then(|text| text.split_whitespace().next().map(str::to_owned)).unwrap_or_else(|| "?".to_owned())
}

/// The first line that a program prints; `?` if it does not.
fn first_line(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    text.lines().next().unwrap_or("?").to_owned()
}

/// The commit that was measured, and whether files differ from it.
pub fn commit() -> String {
    let commit = first_line("git", &["rev-parse", "--short", "HEAD"]);
    let changed = first_line("git", &["status", "--porcelain", "--untracked-files=no"]);
    if changed == "?" { commit } else { format!("{commit}, with changes") }
}

/// The day, in UTC.
pub fn day() -> String {
    first_line("date", &["-u", "+%F"])
}

/// The compiler.
pub fn compiler() -> String {
    first_line("rustc", &["--version"])
}
