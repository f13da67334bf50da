//! [`columns`]: how much of a line a typed character takes up.

/// How many columns a character has as the console shows it while it is typed.
///
/// Control characters are shown as `^X`. What is no character of UTF-8 has one.
pub(super) fn columns(bytes: &[u8]) -> usize {
    match std::str::from_utf8(bytes).ok().and_then(|text| text.chars().next()) {
        Some('\u{300}'..='\u{36f}' | '\u{200b}'..='\u{200f}' | '\u{fe00}'..='\u{fe0f}') => 0,
        Some(
            '\0'..='\x1f'
            | '\x7f'
            | '\u{1100}'..='\u{115f}'
            | '\u{2e80}'..='\u{a4cf}'
            | '\u{ac00}'..='\u{d7a3}'
            | '\u{f900}'..='\u{faff}'
            | '\u{fe30}'..='\u{fe6f}'
            | '\u{ff00}'..='\u{ff60}'
            | '\u{ffe0}'..='\u{ffe6}'
            | '\u{1f300}'..='\u{1f64f}'
            | '\u{1f900}'..='\u{1f9ff}'
            | '\u{20000}'..='\u{3fffd}',
        ) => 2,
        _ => 1,
    }
}
