//! What an example shows of its training: a progress bar, a curve of the cost, files under `target/`.

use std::path::{Path, PathBuf};

use anyhow::Result;
use damo::{Config, Function, Mode};
use indicatif::{ProgressBar, ProgressStyle};
use plotters::prelude::*;

/// A progress bar over that many steps, with room for a message.
pub fn progress(steps: usize) -> Result<ProgressBar> {
    let style = ProgressStyle::with_template("{bar:40.cyan/blue} {pos}/{len} steps  {elapsed} of {duration}  {msg}")?;
    Ok(ProgressBar::new(steps as u64).with_style(style))
}

/// Writes a text into `target/`, and gives the path.
pub fn write(name: &str, text: &str) -> Result<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target");
    std::fs::create_dir_all(&folder)?;
    let path = folder.join(name);
    std::fs::write(&path, text)?;
    Ok(path)
}

/// Draws the cost at each step as an SVG in `target/`, and gives the path.
pub fn draw_costs(name: &str, caption: &str, costs: &[f64]) -> Result<PathBuf> {
    let top = costs.iter().copied().filter(|cost| cost.is_finite()).fold(0.0, f64::max) * 1.05;
    let mut svg = String::new();
    let area = SVGBackend::with_string(&mut svg, (900, 500)).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption(caption, ("sans-serif", 22))
        .margin(20)
        .x_label_area_size(45)
        .y_label_area_size(60)
        .build_cartesian_2d(0..costs.len(), 0.0..top.max(f64::MIN_POSITIVE))?;
    let (grid, ink) = (RGBColor(225, 225, 225), RGBColor(30, 100, 180));
    chart.configure_mesh().x_desc("step").y_desc("cost").label_style(("sans-serif", 15)).bold_line_style(grid).light_line_style(WHITE).draw()?;
    chart.draw_series(LineSeries::new(costs.iter().copied().enumerate(), ink.stroke_width(2)))?;
    area.present()?;
    drop((chart, area)); // they hold the string
    write(name, &svg)
}

/// In profile mode: prints what the calls of a function cost, and writes it into `target/` as JSON and as a trace for <https://ui.perfetto.dev>.
pub fn profile<I, O>(name: &str, function: &Function<I, O>, config: &Config) -> Result<()> {
    if config.mode == Mode::Profile {
        let profile = function.profile()?;
        println!("\n{profile}");
        println!("profile        {}", write(&format!("{name}.profile.json"), &profile.to_json())?.display());
        println!("trace          {}", write(&format!("{name}.trace.json"), &profile.to_chrome_trace())?.display());
    }
    Ok(())
}
