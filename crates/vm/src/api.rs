//! What scripts call: the tables of the host, as thin functions between Luau and the rest.

pub(crate) mod http_text;
pub(crate) mod httpd_text;
pub(crate) mod json;
pub(crate) mod str;

#[cfg(test)]
mod check;
