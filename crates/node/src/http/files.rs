//! [`Files`]: a directory tree as part of a site.

use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use ironloom_blob::tree::{Kind, Seen};
use ironloom_blob::{BlobId, Tree, TreeError};
use ironloom_net::http::{Selection, Status, media_type, multipart, select};
use parking_lot::RwLock;

use super::body::{Body, PIECE_BYTES, Reading};
use super::{Request, Response, precondition, site};

/// How deep files may lie.
const SEGMENTS_MAX: usize = 64;

/// A directory tree as part of a site. Clones show the same, and [`publish`](Self::publish) changes it for all of them.
///
/// `/` stands for `/index.html`. Answers bear a tag by which clients ask whether it changed, and parts can be asked for.
/// What a file is, its attributes say or else its name. Symbolic links are not followed.
///
/// ```
/// use std::sync::Arc;
/// use ironloom_node::blob::{MemoryStore, Tree, tree::{Attributes, Config}};
/// use ironloom_node::core::Instant;
/// use ironloom_node::http::{Files, Site};
///
/// let mut tree = Tree::new(Arc::new(MemoryStore::new()), Config::default());
/// tree.put("/index.html", b"<p>hello", Attributes::new(0o644, Instant::ZERO))?;
/// let files = Files::new(&tree);
/// let site = Site::new().files("/docs", files.clone());
///
/// tree.put("/index.html", b"<p>hello again", Attributes::new(0o644, Instant::ZERO))?;
/// files.publish(&tree); // who asks from now on sees it
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Files {
    tree: Arc<RwLock<Arc<Tree>>>,
}

/// A file that was found.
struct Found {
    kind: String,
    length: u64,
    tag: Option<String>,
    /// Its content, if it is short.
    content: Option<Bytes>,
}

impl Files {
    /// What a tree holds now.
    #[must_use]
    pub fn new(tree: &Tree) -> Self {
        Self { tree: Arc::new(RwLock::new(Arc::new(tree.fork()))) }
    }

    /// Shows what a tree holds now. Answers that have begun are finished as they began.
    pub fn publish(&self, tree: &Tree) {
        *self.tree.write() = Arc::new(tree.fork());
    }

    /// The file that what follows the route names.
    pub(super) fn answer(&self, request: &Request) -> Response {
        let rest = request.captured.as_ref().and_then(|(pattern, captured)| {
            let last = pattern.position("path")?;
            captured.part(last, request.head.path())
        });
        let Some(path) = rest.and_then(decode) else {
            return site::not_found();
        };
        let tree = Arc::clone(&self.tree.read());
        match find(&tree, &path) {
            Ok(Some((path, found))) => found.answer(request, tree, path),
            Ok(None) if is_directory(&tree, &path) => beside(request),
            Ok(None) => site::not_found(),
            Err(_) => Response::from("the file cannot be read\n").status_of(Status::INTERNAL_ERROR),
        }
    }
}

impl Found {
    fn answer(self, request: &Request, tree: Arc<Tree>, path: Vec<u8>) -> Response {
        let mut response = Response { kind: Some(self.kind.clone().into()), ..Response::empty(Status::OK) };
        response = response.with("accept-ranges", "bytes");
        if let Some(tag) = &self.tag {
            response = response.with("etag", tag.clone());
            if request.fields().all("if-none-match").any(|field| precondition::lists(field, tag)) {
                return response.status_of(Status::NOT_MODIFIED);
            }
        }
        match self.selection(request) {
            Selection::Whole => response.body = self.part(tree, path, 0, self.length),
            Selection::Part(part) => {
                response = response.with("content-range", part.content_range(self.length));
                response.status = Status::PARTIAL_CONTENT;
                response.body = self.part(tree, path, part.from, part.to);
            }
            Selection::Parts(parts) => match &self.content {
                Some(content) => {
                    let (kind, body) = multipart(content, &self.kind, &parts);
                    response.kind = Some(kind.into());
                    response.status = Status::PARTIAL_CONTENT;
                    response.body = Body::Whole(body);
                }
                // Several parts of a long file are more work than they are worth.
                None => response.body = self.part(tree, path, 0, self.length),
            },
            Selection::Unsatisfiable => {
                response = response.with("content-range", format!("bytes */{}", self.length));
                response.status = Status::RANGE_NOT_SATISFIABLE;
            }
        }
        response
    }

    /// Which parts are asked for. Who wants them only if nothing has changed says by its tag what it knows.
    fn selection(&self, request: &Request) -> Selection {
        let unchanged = request
            .fields()
            .first("if-range")
            .is_none_or(|known| self.tag.as_ref().is_some_and(|tag| tag.as_bytes() == known));
        match request.fields().first("range").filter(|_| unchanged) {
            Some(range) => select(range, self.length),
            None => Selection::Whole,
        }
    }

    fn part(&self, tree: Arc<Tree>, path: Vec<u8>, from: u64, to: u64) -> Body {
        match &self.content {
            Some(content) => Body::Whole(content.slice(from as usize..to as usize).into()),
            None => Body::File(Reading { tree, path, from, to }),
        }
    }
}

/// The file that a path names, and its path.
fn find(tree: &Tree, path: &[u8]) -> Result<Option<(Vec<u8>, Found)>, TreeError> {
    let mut whole = path.to_vec();
    if whole.is_empty() || whole.ends_with(b"/") {
        whole.extend_from_slice(b"index.html");
    }
    let Some(seen) = walk(tree, &whole)?.filter(|seen| seen.kind() == Kind::File) else {
        return Ok(None);
    };
    let length = seen.length();
    let mut content = None;
    if length <= PIECE_BYTES {
        let mut bytes = vec![0; length as usize];
        let read = seen.read(0, &mut bytes)?;
        bytes.truncate(read);
        content = Some(Bytes::from(bytes));
    }
    let id = seen.blob().or_else(|| content.as_deref().map(BlobId::of));
    let said = seen.attributes().media_type.as_ref().map(|kind| kind.as_str().to_owned());
    let kind = said.unwrap_or_else(|| media_type(&whole).to_owned());
    Ok(Some((whole, Found { kind, length, tag: id.map(tag), content })))
}

/// What a path leads to, name by name.
fn walk<'t>(tree: &'t Tree, path: &[u8]) -> Result<Option<Seen<'t>>, TreeError> {
    let mut seen = tree.root();
    for name in path.split(|byte| *byte == b'/') {
        match seen.child(name)? {
            Some(child) => seen = child,
            None => return Ok(None),
        }
    }
    Ok(Some(seen))
}

fn is_directory(tree: &Tree, path: &[u8]) -> bool {
    matches!(walk(tree, path), Ok(Some(seen)) if seen.kind() == Kind::Directory)
}

/// Sends who asks for a directory to what is in it: links within a page count from there.
fn beside(request: &Request) -> Response {
    let mut to = format!("{}/", request.path());
    if let Some(query) = request.query() {
        to.extend(["?", query]);
    }
    // A path that begins with two slashes would lead to another host.
    let to = format!("/{}", to.trim_start_matches('/'));
    Response::from(Status::PERMANENT_REDIRECT).with("location", to)
}

/// What names these bytes to a client.
fn tag(id: BlobId) -> String {
    let mut tag = String::from("\"");
    for byte in &id.as_bytes()[..16] {
        write!(tag, "{byte:02x}").expect("a string takes what is written");
    }
    tag.push('"');
    tag
}

/// The path that is meant: `%` and two digits stand for a byte. `None` if it leads upward or cannot be one.
fn decode(path: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16));
                (digit()? << 4 | digit()?) as u8
            }
            byte => byte,
        });
    }
    let mut segments = bytes.split(|byte| *byte == b'/');
    let is_sound = segments.clone().count() <= SEGMENTS_MAX
        && segments.all(|segment| !matches!(segment, b"." | b"..") && !segment.contains(&0));
    is_sound.then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_decoded_and_lead_nowhere_else() {
        for (path, expected) in [
            ("a%20b/c", Some(&b"a b/c"[..])),
            ("", Some(b"")),
            ("%C3%A9", Some("é".as_bytes())),
            ("../x", None),
            ("a/%2e%2E/x", None),
            ("a/..%2fx", None),
            ("%00", None),
            ("%4", None),
            ("%zz", None),
        ] {
            assert_eq!(decode(path).as_deref(), expected, "{path}");
        }
        assert_eq!(decode(&"a/".repeat(100)), None);
    }
}
