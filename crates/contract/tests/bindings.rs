//! The committed TypeScript and the Rust contract say the same.

use std::path::Path;

use bellbird_call::ports::ProblemCode;
use bellbird_contract::{PROBLEM_CODES, typescript};

#[test]
fn committed_typescript_is_what_the_contract_generates() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ui/src/sdk/contract.ts");
    let committed = std::fs::read_to_string(&path).expect("ui/src/sdk/contract.ts can be read");
    assert!(
        committed.replace("\r\n", "\n") == typescript(),
        "ui/src/sdk/contract.ts differs from the contract: run `cargo xtask bindings` and commit the result"
    );
}

#[test]
fn every_type_a_binding_names_is_declared_in_it() {
    let module = typescript();
    let declared: Vec<&str> = module
        .lines()
        .filter_map(|line| line.strip_prefix("export type "))
        .filter_map(|rest| rest.split([' ', '=']).next())
        .collect();
    for word in module
        .lines()
        .filter(|line| !line.starts_with(['/', ' ', '*']))
        .flat_map(|line| line.split(|c: char| !c.is_ascii_alphanumeric()))
        .filter(|word| word.starts_with(|c: char| c.is_ascii_uppercase()))
        .filter(|word| word.ends_with("View") || word.ends_with("Kind") || word.ends_with("State"))
    {
        assert!(declared.contains(&word), "{word} is used and not declared");
    }
}

#[test]
fn problem_codes_are_those_of_the_call() {
    let codes: Vec<&str> = ProblemCode::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(codes, PROBLEM_CODES);
}
