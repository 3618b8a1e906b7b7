//! Guards of the house rules: each fails when a rule is broken, and each has a test that it would.
//!
//! A guard is a function from files (or packages) to complaints, so that it can be shown a made-up violation.

mod dependencies;
mod licences;
mod map;
mod one_path;
mod packages;
mod private;
mod purity;
mod serialization;
mod shape;
mod tree;

/// Fails with every complaint at once, so that one run shows all there is to mend.
fn assert_tidy(rule: &str, complaints: &[String]) {
    assert!(complaints.is_empty(), "{rule}\n  {}", complaints.join("\n  "));
}
