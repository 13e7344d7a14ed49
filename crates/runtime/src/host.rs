//! The machine that this process runs on.

/// Returns the name of the host, or of the container or pod; empty when the system does not tell.
pub fn name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().to_owned()
}
