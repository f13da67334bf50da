//! [`Shadow`]: a file of lines with fields, of which one is changed and the rest stays byte for byte.

/// The text of `/etc/shadow`, or of a file like it.
#[derive(Debug)]
pub(super) struct Shadow(Vec<u8>);

impl Shadow {
    pub(super) const fn new(text: Vec<u8>) -> Self {
        Self(text)
    }

    pub(super) fn text(&self) -> &[u8] {
        &self.0
    }

    /// The hash of a user's password; of lines with the same name the first counts.
    pub(super) fn hash(&self, name: &[u8]) -> Option<Vec<u8>> {
        let mut lines = self.0.split(|byte| *byte == b'\n');
        let line = lines.find(|line| is_of(line, name))?;
        line.split(|byte| *byte == b':').nth(1).map(<[u8]>::to_vec)
    }

    /// Sets the hash of a user's password, and the day on which that was done.
    pub(super) fn set_hash(&mut self, name: &[u8], hash: &[u8], day: u64) {
        let day = day.to_string();
        if self.hash(name).is_some() {
            self.set_field(name, 1, hash);
            self.set_field(name, 2, day.as_bytes());
            return;
        }
        if !self.0.is_empty() && !self.0.ends_with(b"\n") {
            self.0.push(b'\n');
        }
        self.0.extend([name, b":", hash, b":", day.as_bytes(), b":0:99999:7:::\n"].concat());
    }

    /// Sets a field of a user's line, if that has it.
    pub(super) fn set_field(&mut self, name: &[u8], field: usize, value: &[u8]) {
        let mut is_done = false;
        let lines = self.0.split(|byte| *byte == b'\n').map(|line| {
            if is_done || !is_of(line, name) {
                return line.to_vec();
            }
            is_done = true;
            let mut fields: Vec<&[u8]> = line.split(|byte| *byte == b':').collect();
            if let Some(field) = fields.get_mut(field) {
                *field = value;
            }
            fields.join(&b':')
        });
        let lines: Vec<Vec<u8>> = lines.collect();
        self.0 = lines.join(&b'\n');
    }
}

/// Whether a line is about this user.
fn is_of(line: &[u8], name: &[u8]) -> bool {
    line.strip_prefix(name).is_some_and(|rest| rest.starts_with(b":"))
}
