//! [`Names`]: what stations are called, in one text.

/// Where a name is in the text.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Name {
    begin: u32,
    len: u8,
}

/// All names, one behind the other: a name costs its letters and six bytes to find them.
#[derive(Debug, Default)]
pub(super) struct Names {
    text: String,
    /// How many letters belong to stations that are gone.
    dead: usize,
}

impl Names {
    /// Keeps a name; what is longer than 255 bytes is cut.
    pub(super) fn add(&mut self, name: &str) -> Name {
        let mut len = name.len().min(usize::from(u8::MAX));
        while !name.is_char_boundary(len) {
            len -= 1;
        }
        let Ok(begin) = u32::try_from(self.text.len()) else { return Name::default() };
        self.text.push_str(&name[..len]);
        Name { begin, len: len as u8 }
    }

    pub(super) fn name(&self, name: Name) -> &str {
        &self.text[name.begin as usize..][..usize::from(name.len)]
    }

    pub(super) fn remove(&mut self, name: Name) {
        self.dead += usize::from(name.len);
    }

    /// Whether more than half of the text is of names that are gone.
    pub(super) fn is_sparse(&self) -> bool {
        self.dead > 4_096 && self.dead > self.text.len() / 2
    }

    /// Takes over the names that are still used.
    pub(super) fn sweep<'a>(&mut self, used: impl Iterator<Item = &'a mut Name>) {
        let old = std::mem::take(self);
        used.for_each(|name| *name = self.add(old.name(*name)));
    }
}
