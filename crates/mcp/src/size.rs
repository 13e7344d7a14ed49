//! How much there is to parse, before it is parsed: a value in memory is many times its text.

/// The most values of one message (NET-35).
const MOST_VALUES: usize = 200_000;

/// Tells whether a text in JSON has at most so many values. Counts what begins or parts them, outside
/// of strings; what is no JSON may count as anything.
pub(crate) fn is_bearable(json: &[u8]) -> bool {
    let mut values = 0;
    let (mut is_string, mut is_escaped) = (false, false);
    for byte in json {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_string => is_escaped = true,
            b'"' => is_string = !is_string,
            b'[' | b'{' | b',' | b':' if !is_string => values += 1,
            _ => {}
        }
    }
    values <= MOST_VALUES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_values_are_unbearable_and_long_texts_are_not() {
        assert!(is_bearable(br#"{"a": [1, 2, {"b": "c"}]}"#));
        let text = format!(r#"{{"text": "\"{}\\"}}"#, "[,{:".repeat(MOST_VALUES));
        assert!(is_bearable(text.as_bytes()));
        assert!(!is_bearable(&b"[".repeat(MOST_VALUES + 1)));
        assert!(!is_bearable(
            format!("[{}0]", "0,".repeat(MOST_VALUES)).as_bytes()
        ));
    }
}
