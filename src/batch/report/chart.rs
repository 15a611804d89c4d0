//! Charts of a report: SVG that stands in the page. They hold shapes only; the words stand beside them in the page, so
//! that they stay readable at any width and in any colours.

use std::fmt::Write as _;

use super::Series;
use super::series::Bucket;
use crate::batch::store::State;

/// Units that a chart is wide; the page stretches it.
const WIDTH: f64 = 1000.0;
/// Units that a strip over time is high.
const HEIGHT: f64 = 60.0;

/// Returns one bar of all `parts`, each as wide as its share. `label` says it in words.
pub(super) fn stacked(parts: &[(State, u64)], label: &str) -> String {
    let total: u64 = parts.iter().map(|(_, count)| count).sum();
    let mut svg = start("whole", 24.0, label);
    let mut left = 0.0;
    for (state, count) in parts {
        let width = share(*count, total) * WIDTH;
        let _ = write!(svg, "<rect class=\"{state}\" x=\"{left:.2}\" y=\"0\" width=\"{width:.2}\" height=\"24\"/>");
        left += width;
    }
    svg + "</svg>"
}

/// Returns a bar as long as the share of `count` in `most`.
pub(super) fn bar(class: &str, count: u64, most: u64) -> String {
    // What is there is seen.
    let width = (share(count, most) * WIDTH).max(if count > 0 { 4.0 } else { 0.0 });
    format!(
        "<svg class=\"bar\" viewBox=\"0 0 {WIDTH} 10\" preserveAspectRatio=\"none\" aria-hidden=\"true\">\
         <rect class=\"{class}\" x=\"0\" y=\"0\" width=\"{width:.2}\" height=\"10\"/></svg>"
    )
}

/// Returns a strip with a column a bucket, as high as what `of` counts in it.
pub(super) fn strip(class: &str, series: &Series, of: fn(&Bucket) -> u64, label: &str) -> String {
    let buckets = series.all();
    let most = buckets.iter().map(|(_, bucket)| of(bucket)).max().unwrap_or_default();
    let step = WIDTH / buckets.len().max(1) as f64;
    let mut svg = start("strip", HEIGHT, label);
    for (place, (_, bucket)) in buckets.iter().enumerate() {
        let count = of(bucket);
        if count == 0 {
            continue;
        }
        let high = (share(count, most) * (HEIGHT - 1.0)).max(1.0);
        let (x, y) = (place as f64 * step, HEIGHT - 1.0 - high);
        // One column in the middle of nothing would fill the page.
        let wide = (step * 0.9).min(WIDTH / 12.0);
        let _ =
            write!(svg, "<rect class=\"{class}\" x=\"{x:.2}\" y=\"{y:.2}\" width=\"{wide:.2}\" height=\"{high:.2}\"/>");
    }
    let _ = write!(svg, "<rect class=\"axis\" x=\"0\" y=\"{}\" width=\"{WIDTH}\" height=\"1\"/></svg>", HEIGHT - 1.0);
    svg
}

/// `label` holds no markup.
fn start(class: &str, height: f64, label: &str) -> String {
    format!(
        "<svg class=\"{class}\" viewBox=\"0 0 {WIDTH} {height}\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{label}\">"
    )
}

/// Returns the share of a number in another, from 0 to 1.
pub(super) fn share(count: u64, total: u64) -> f64 {
    count as f64 / total.max(1) as f64
}
