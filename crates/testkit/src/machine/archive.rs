//! Files as a kernel takes them to begin with: an uncompressed cpio archive in the form `newc` (kernel documentation,
//! "initramfs buffer format").

use std::collections::BTreeSet;

const FOLDER: u32 = 0o040_000;
const FILE: u32 = 0o100_000;

/// What is packed so far.
#[derive(Default)]
pub(super) struct Archive {
    bytes: Vec<u8>,
    names: BTreeSet<String>,
}

impl Archive {
    /// A folder; those above it come before.
    pub(super) fn folder(&mut self, name: &str) {
        self.entry(name, FOLDER | 0o755, &[]);
    }

    /// A file with these rights. A second one of a name is left out.
    pub(super) fn file(&mut self, name: &str, rights: u32, content: &[u8]) {
        self.entry(name, FILE | rights, content);
    }

    /// The whole archive.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.entry("TRAILER!!!", 0, &[]);
        self.bytes
    }

    fn entry(&mut self, name: &str, mode: u32, content: &[u8]) {
        if !self.names.insert(name.to_owned()) {
            return;
        }
        let number = self.names.len() as u32;
        let length = u32::try_from(content.len()).expect("no file here takes 4 GB");
        let name_length = name.len() as u32 + 1;
        // Number, mode, owner, group, links, time, length, four of devices, the name's length, no checksum.
        let fields = [number, mode, 0, 0, 1, 0, length, 0, 0, 0, 0, name_length, 0];
        self.bytes.extend_from_slice(b"070701");
        for field in fields {
            self.bytes.extend_from_slice(format!("{field:08x}").as_bytes());
        }
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend_from_slice(content);
        self.pad();
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_lie_on_boundaries_of_four_and_none_twice() {
        let mut archive = Archive::default();
        archive.folder("bin");
        archive.file("bin/a", 0o755, b"12345");
        archive.file("bin/a", 0o755, b"another");
        let bytes = archive.finish();
        assert_eq!(bytes.len() % 4, 0);
        let heads: Vec<usize> =
            (0..bytes.len() - 5).filter(|at| bytes[*at..].starts_with(b"070701")).collect();
        // 110 bytes of head and a name with its end, then the content, each filled up to a multiple of four.
        assert_eq!(heads, [0, 116, 116 + 116 + 8]);
        assert_eq!(&bytes[116 + 14..116 + 22], b"000081ed", "a file that everybody may run");
        assert_eq!(&bytes[116 + 116..116 + 116 + 5], b"12345");
    }
}
