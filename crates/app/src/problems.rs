//! Problems shown to the person until put away, and those of the file system.

use std::io;

use bellbird_call::ports::{Problem, ProblemCode};

/// Shown at once at most; the oldest go.
const MAX_SHOWN: usize = 16;

/// Sorts an error of the file system by what a person can do.
pub fn of_io(error: &io::Error, what: &str) -> Problem {
    let code = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            ProblemCode::DiskFull
        }
        io::ErrorKind::PermissionDenied
        | io::ErrorKind::ReadOnlyFilesystem
        | io::ErrorKind::NotADirectory
        | io::ErrorKind::NotFound => ProblemCode::ReadOnlyFolder,
        io::ErrorKind::AddrInUse => ProblemCode::PortInUse,
        _ => ProblemCode::Internal,
    };
    Problem::new(code, format_args!("{what}: {error}"))
}

/// The problems not yet put away, each with a number.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    shown: Vec<(u32, Problem)>,
    last_number: u32,
}

impl Problems {
    /// Shows a problem. One that is shown already is not shown twice.
    pub(crate) fn show(&mut self, problem: Problem) {
        tracing::warn!(code = problem.code.as_str(), detail = %problem.detail, "problem");
        if self.shown.iter().any(|(_, shown)| *shown == problem) {
            return;
        }
        if self.shown.len() == MAX_SHOWN {
            self.shown.remove(0);
        }
        self.last_number = self.last_number.wrapping_add(1).max(1);
        self.shown.push((self.last_number, problem));
    }

    /// Puts one away; an unknown number is none.
    pub(crate) fn dismiss(&mut self, number: u32) {
        self.shown.retain(|(shown, _)| *shown != number);
    }

    /// Number and problem, oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &(u32, Problem)> {
        self.shown.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_are_shown_once_bounded_and_put_away() {
        let mut problems = Problems::default();
        for number in 0..100 {
            for _ in 0..2 {
                problems.show(Problem::new(ProblemCode::DeviceLost, number));
            }
        }
        let shown: Vec<_> = problems.iter().cloned().collect();
        assert_eq!(shown.len(), MAX_SHOWN);
        assert_eq!(shown.last().map(|(_, problem)| problem.detail.as_str()), Some("99"));
        problems.dismiss(shown[0].0);
        assert_eq!(problems.iter().count(), MAX_SHOWN - 1);
        assert!(problems.iter().all(|(number, _)| *number != shown[0].0));
    }

    #[test]
    fn file_errors_are_sorted_by_what_to_do() {
        let code = |kind| of_io(&io::Error::from(kind), "saving").code;
        assert_eq!(code(io::ErrorKind::StorageFull), ProblemCode::DiskFull);
        assert_eq!(code(io::ErrorKind::ReadOnlyFilesystem), ProblemCode::ReadOnlyFolder);
        assert_eq!(code(io::ErrorKind::AddrInUse), ProblemCode::PortInUse);
        assert_eq!(code(io::ErrorKind::Interrupted), ProblemCode::Internal);
    }
}
