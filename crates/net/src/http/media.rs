//! [`media_type`]: what a file holds, judged by its name.

/// What a file holds, judged by its name.
///
/// ```
/// assert_eq!(ironloom_net::http::media_type(b"Cat.JPG"), "image/jpeg");
/// ```
#[must_use]
pub fn media_type(name: &[u8]) -> &'static str {
    let dot = name.iter().rposition(|byte| *byte == b'.');
    let ending = dot.map_or(&[][..], |dot| &name[dot + 1..]).to_ascii_lowercase();
    match &ending[..] {
        b"html" | b"htm" => "text/html",
        b"ntml" => "application/x-ntml",
        b"txt" | b"md" | b"log" => "text/plain; charset=utf-8",
        b"css" => "text/css",
        b"csv" => "text/csv; charset=utf-8",
        b"js" => "text/javascript",
        b"lua" | b"luau" => "text/x-lua; charset=utf-8",
        b"json" => "application/json",
        b"xml" => "application/xml",
        b"pdf" => "application/pdf",
        b"svg" => "image/svg+xml",
        b"png" => "image/png",
        b"jpg" | b"jpeg" => "image/jpeg",
        b"gif" => "image/gif",
        b"webp" => "image/webp",
        b"ico" => "image/x-icon",
        b"wasm" => "application/wasm",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_judged_by_names() {
        assert_eq!(media_type(b"x.HTML"), "text/html");
        assert_eq!(media_type(b"x.ntml"), "application/x-ntml");
        assert_eq!(media_type(b"readme.md"), "text/plain; charset=utf-8");
        assert_eq!(media_type(b"noend"), "application/octet-stream");
        assert_eq!(media_type(b"x."), "application/octet-stream");
    }
}
