//! [`Site`]: what is answered where.

use std::fmt;
use std::sync::Arc;

use ironloom_core::Map;
use ironloom_net::http::{Method, Status};

use super::handler::{Handler, Later};
use super::pattern::Pattern;
use super::{Files, Request, Response};

/// What is answered where: methods and paths, and who answers them.
///
/// A path can have names in braces for parts of it, `/users/{id}`, and for all that follows, `/files/{*path}`. Paths
/// without names go before those with names, and among these the one that was given first. Who answers GET answers HEAD
/// too, and the body is left out.
#[derive(Default)]
pub struct Site {
    exact: Map<Box<str>, Place>,
    patterns: Vec<(Arc<Pattern>, String, Place)>,
    otherwise: Option<Handler>,
}

/// Who answers at a place.
#[derive(Default)]
struct Place {
    handlers: Vec<(Method, Handler)>,
}

/// What becomes of a request.
pub(super) enum Answer {
    Now(Response),
    Later(Later),
}

macro_rules! methods {
    ($($name:ident $later:ident $method:ident $verb:literal;)*) => {$(
        #[doc = concat!("Answers ", $verb, " at once.")]
        ///
        /// # Panics
        ///
        /// If the path is not one, or is taken.
        #[must_use]
        pub fn $name<R: Into<Response>>(
            self,
            path: &str,
            answer: impl Fn(&Request) -> R + Send + Sync + 'static,
        ) -> Self {
            self.add(Method::$method, path, Handler::now(answer))
        }

        #[doc = concat!("Answers ", $verb, " when a future is done.")]
        ///
        /// # Panics
        ///
        /// If the path is not one, or is taken.
        #[must_use]
        pub fn $later<F>(self, path: &str, answer: impl Fn(Request) -> F + Send + Sync + 'static) -> Self
        where
            F: Future<Output: Into<Response>> + Send + 'static,
        {
            self.add(Method::$method, path, Handler::later(answer))
        }
    )*};
}

impl Site {
    /// A site on which nothing is.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    methods! {
        get get_later Get "GET";
        post post_later Post "POST";
        put put_later Put "PUT";
        delete delete_later Delete "DELETE";
        patch patch_later Patch "PATCH";
    }

    /// Answers GET with files, by what follows the path: with `/docs`, the tree's `/guide.html` is `/docs/guide.html`.
    ///
    /// # Panics
    ///
    /// If the path is not one, or is taken.
    #[must_use]
    pub fn files(self, path: &str, files: Files) -> Self {
        let below = format!("{}/{{*path}}", path.trim_end_matches('/'));
        self.add(Method::Get, &below, Handler::Files(files))
    }

    /// Answers what nobody else answers, with any method, at once.
    #[must_use]
    pub fn otherwise<R: Into<Response>>(
        mut self,
        answer: impl Fn(&Request) -> R + Send + Sync + 'static,
    ) -> Self {
        self.otherwise = Some(Handler::now(answer));
        self
    }

    /// Answers what nobody else answers, with any method, when a future is done.
    #[must_use]
    pub fn otherwise_later<F>(mut self, answer: impl Fn(Request) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output: Into<Response>> + Send + 'static,
    {
        self.otherwise = Some(Handler::later(answer));
        self
    }

    fn add(mut self, method: Method, path: &str, handler: Handler) -> Self {
        let place = match Pattern::of(path) {
            None => self.exact.entry(path.into()).or_default(),
            Some(pattern) => {
                let known = self.patterns.iter().position(|(_, known, _)| known == path);
                let at = known.unwrap_or_else(|| {
                    self.patterns.push((Arc::new(pattern), path.to_owned(), Place::default()));
                    self.patterns.len() - 1
                });
                &mut self.patterns[at].2
            }
        };
        let is_free = place.handlers.iter().all(|(taken, _)| *taken != method);
        assert!(is_free, "the route {path:?} has two answers to {method:?}");
        place.handlers.push((method, handler));
        self
    }

    /// What becomes of a request.
    #[inline]
    pub(super) fn answer(&self, mut request: Request) -> Answer {
        let method = request.head.method();
        let place = match self.exact.get(request.head.path()) {
            Some(place) => Some(place),
            None => self.capture(&mut request),
        };
        match place.and_then(|place| place.handler(method)).or(self.otherwise.as_ref()) {
            Some(Handler::Now(answer)) => Answer::Now(answer(&request)),
            Some(Handler::Later(answer)) => Answer::Later(answer(request)),
            Some(Handler::Files(files)) => Answer::Now(files.answer(&request)),
            None => Answer::Now(place.map_or_else(not_found, Place::not_allowed)),
        }
    }

    /// The place whose pattern the path is of; what its names stand for is noted in the request.
    fn capture(&self, request: &mut Request) -> Option<&Place> {
        let path = request.head.path();
        let mut captures = self.patterns.iter().filter_map(|route| Some((route, route.0.capture(path)?)));
        let ((pattern, _, place), captured) = captures.next()?;
        request.captured = Some((Arc::clone(pattern), captured));
        Some(place)
    }
}

impl Place {
    #[inline]
    fn handler(&self, method: Method) -> Option<&Handler> {
        let of = |wanted: Method| self.handlers.iter().find(|(known, _)| *known == wanted);
        let found = of(method).or_else(|| if method == Method::Head { of(Method::Get) } else { None });
        found.map(|(_, handler)| handler)
    }

    fn not_allowed(&self) -> Response {
        let mut allowed: Vec<String> =
            self.handlers.iter().map(|(method, _)| format!("{method:?}").to_uppercase()).collect();
        if self.handler(Method::Head).is_some() {
            allowed.push("HEAD".to_owned());
        }
        Response::from(Status::METHOD_NOT_ALLOWED).with("allow", allowed.join(", "))
    }
}

pub(super) fn not_found() -> Response {
    Response::from("nothing is here\n").status_of(Status::NOT_FOUND)
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut paths: Vec<&str> = self.exact.keys().map(|path| &**path).collect();
        paths.extend(self.patterns.iter().map(|(_, path, _)| &path[..]));
        paths.sort_unstable();
        f.debug_struct("Site").field("paths", &paths).finish_non_exhaustive()
    }
}
