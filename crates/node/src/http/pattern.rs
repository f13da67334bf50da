//! [`Pattern`]: a path in which names in braces stand for parts.

/// How many names a pattern may have.
const NAMES_MAX: usize = 4;

/// A path in which names in braces stand for parts: `/users/{id}`, or for all that follows: `/files/{*path}`.
#[derive(Debug)]
pub(super) struct Pattern {
    segments: Vec<Segment>,
    /// The name for all that follows.
    rest: Option<Box<str>>,
}

#[derive(Debug)]
enum Segment {
    Literal(Box<str>),
    Named(Box<str>),
}

/// Where in a path the parts are that names stand for, in the order of the names.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Captured {
    parts: [(u16, u16); NAMES_MAX],
    len: u8,
}

impl Pattern {
    /// The pattern of a path, if there are names in it.
    ///
    /// # Panics
    ///
    /// If the path does not begin with `/`, has too many names, or something behind `{*rest}`.
    pub(super) fn of(path: &str) -> Option<Self> {
        let relative = path.strip_prefix('/');
        let relative = relative.unwrap_or_else(|| panic!("the route {path:?} must begin with `/`"));
        let mut pattern = Self { segments: Vec::new(), rest: None };
        for segment in relative.split('/') {
            assert!(pattern.rest.is_none(), "nothing can follow {{*rest}} in the route {path:?}");
            match segment.strip_prefix('{').and_then(|inner| inner.strip_suffix('}')) {
                None => pattern.segments.push(Segment::Literal(segment.into())),
                Some(name) => match name.strip_prefix('*') {
                    Some(name) => pattern.rest = Some(name.into()),
                    None => pattern.segments.push(Segment::Named(name.into())),
                },
            }
        }
        let names = pattern.names().count();
        assert!(names <= NAMES_MAX, "the route {path:?} has {names} names: {NAMES_MAX} are allowed");
        (names > 0).then_some(pattern)
    }

    /// Which of the captured parts a name stands for.
    pub(super) fn position(&self, name: &str) -> Option<usize> {
        self.names().position(|found| found == name)
    }

    /// Where the parts are, if a path is of this pattern. No part is empty but the rest.
    pub(super) fn capture(&self, path: &str) -> Option<Captured> {
        let mut captured = Captured::default();
        let mut at = 0;
        for segment in &self.segments {
            let tail = path.get(at..)?.strip_prefix('/')?;
            let part = tail.split('/').next().unwrap_or_default();
            match segment {
                Segment::Literal(literal) if **literal != *part => return None,
                Segment::Literal(_) => (),
                Segment::Named(_) if part.is_empty() => return None,
                Segment::Named(_) => captured.push(at + 1, part.len())?,
            }
            at += 1 + part.len();
        }
        match &self.rest {
            None => (at == path.len()).then_some(captured),
            Some(_) => {
                let tail = path.get(at..)?.strip_prefix('/')?;
                captured.push(at + 1, tail.len())?;
                Some(captured)
            }
        }
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        let named = self.segments.iter().filter_map(|segment| match segment {
            Segment::Named(name) => Some(&**name),
            Segment::Literal(_) => None,
        });
        named.chain(self.rest.as_deref())
    }
}

impl Captured {
    /// One of the parts of the path that was captured from.
    pub(super) fn part<'a>(&self, position: usize, path: &'a str) -> Option<&'a str> {
        let (from, len) = self.parts[..usize::from(self.len)].get(position).copied()?;
        path.get(usize::from(from)..usize::from(from) + usize::from(len))
    }

    fn push(&mut self, from: usize, len: usize) -> Option<()> {
        let free = self.parts.get_mut(usize::from(self.len))?;
        *free = (u16::try_from(from).ok()?, u16::try_from(len).ok()?);
        self.len += 1;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, path: &str, expected: Option<&[&str]>) {
        let pattern = Pattern::of(pattern).unwrap();
        let captured = pattern.capture(path);
        let parts = captured.map(|captured| {
            (0..usize::from(captured.len)).map(|at| captured.part(at, path).unwrap()).collect::<Vec<_>>()
        });
        assert_eq!(parts.as_deref(), expected);
    }

    #[test]
    fn names_stand_for_parts() {
        check("/users/{id}", "/users/7", Some(&["7"]));
        check("/users/{id}", "/users/", None);
        check("/users/{id}", "/users/7/", None);
        check("/users/{id}", "/user/7", None);
        check("/users/{id}/posts/{post}", "/users/7/posts/x%20y", Some(&["7", "x%20y"]));
        check("/{a}/{b}", "//b", None);
    }

    #[test]
    fn a_rest_is_all_that_follows() {
        check("/files/{*path}", "/files/a/b", Some(&["a/b"]));
        check("/files/{*path}", "/files/", Some(&[""]));
        check("/files/{*path}", "/files", None);
        check("/{who}/{*path}", "/me/a//b", Some(&["me", "a//b"]));
        check("/{*path}", "*", None);
    }

    #[test]
    fn plain_paths_are_no_patterns() {
        assert!(Pattern::of("/plain/path").is_none());
    }

    #[test]
    #[should_panic(expected = "nothing can follow")]
    fn nothing_follows_a_rest() {
        Pattern::of("/{*rest}/more");
    }
}
