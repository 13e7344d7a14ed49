//! The metrics recorder, and what every process tells about itself.

pub mod inventory;

use std::fs;

use metrics::{Unit, describe_gauge, gauge};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

/// Always 1; its labels name the running build.
pub const BUILD_INFO: &str = "build_info";
/// Memory of this process that is in RAM.
pub const RESIDENT_MEMORY_BYTES: &str = "process_resident_memory_bytes";
/// Open file descriptors of this process.
pub const OPEN_FDS: &str = "process_open_fds";

/// Upper bounds in seconds for histograms that name none of their own: 1 ms to 1 min.
const SECONDS: [f64; 14] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0,
];

/// One histogram: its metric name and the rising upper bounds of its buckets.
pub type Buckets<'a> = (&'a str, &'a [f64]);

/// Installs the recorder of the process. Histograms that are not listed have buckets that suit
/// waits in seconds; none is rendered as a summary.
///
/// # Errors
/// A recorder was installed before, or a list of buckets is empty.
pub fn install(
    process: &'static str,
    version: &'static str,
    histograms: &[Buckets<'_>],
) -> Result<PrometheusHandle, BuildError> {
    let mut builder = PrometheusBuilder::new().set_buckets(&SECONDS)?;
    for (name, bounds) in histograms {
        builder = builder.set_buckets_for_metric(Matcher::Full((*name).to_owned()), bounds)?;
    }
    let handle = builder.install_recorder()?;
    describe();
    gauge!(BUILD_INFO, "process" => process, "version" => version).set(1);
    Ok(handle)
}

/// Renders all metrics, after a fresh look at the process itself.
pub(crate) fn render(handle: &PrometheusHandle) -> String {
    if let Some(bytes) = resident_bytes() {
        gauge!(RESIDENT_MEMORY_BYTES).set(bytes);
    }
    if let Ok(descriptors) = fs::read_dir("/proc/self/fd") {
        gauge!(OPEN_FDS).set(u32::try_from(descriptors.count()).unwrap_or(u32::MAX));
    }
    handle.run_upkeep();
    handle.render()
}

fn describe() {
    describe_gauge!(BUILD_INFO, "always 1, labelled with the running build");
    describe_gauge!(
        RESIDENT_MEMORY_BYTES,
        Unit::Bytes,
        "memory of this process in RAM"
    );
    describe_gauge!(
        OPEN_FDS,
        Unit::Count,
        "open file descriptors of this process"
    );
}

/// Reads `VmRSS` (proc(5)): kibibytes in RAM. `None` where there is no such file.
fn resident_bytes() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u32 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(f64::from(kibibytes) * 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resident_memory_of_a_running_test_is_more_than_a_mebibyte() {
        assert!(resident_bytes().is_some_and(|bytes| bytes > 1024.0 * 1024.0));
    }
}
