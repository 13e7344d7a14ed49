//! What a panic tells: its place, never its message.
//!
//! A message may quote what it failed on (a slice of somebody's text, a row), and the standard
//! hook would print it.

use std::panic::{self, PanicHookInfo};

/// Replaces the standard hook for the whole process.
pub fn install() {
    panic::set_hook(Box::new(|panicked| {
        tracing::error!(place = place(panicked), "panicked");
    }));
}

fn place(panicked: &PanicHookInfo<'_>) -> String {
    panicked
        .location()
        .map_or_else(|| "an unknown place".to_owned(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn a_panic_tells_its_place_and_not_its_message() {
        let told = Arc::new(Mutex::new(String::new()));
        let telling = Arc::clone(&told);
        panic::set_hook(Box::new(move |panicked| {
            *telling.lock().unwrap() = place(panicked);
        }));
        let outcome = panic::catch_unwind(|| panic!("somebody's words"));
        drop(panic::take_hook());
        assert!(outcome.is_err());
        let told = told.lock().unwrap();
        assert!(told.contains("panics.rs:"), "{told}");
        assert!(!told.contains("words"), "{told}");
    }
}
