//! The corpus of URLs: its rows and its fixtures.

/// The file; its head says what the columns are.
pub(crate) const TEXT: &str = include_str!("../data/ssrf-corpus.tsv");

/// One row.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) url: String,
    pub(crate) is_allowed: bool,
    pub(crate) reason: &'static str,
}

/// The rows of one kind.
pub(crate) fn rows(kind: &str) -> Vec<Row> {
    let lines = TEXT.lines().filter(|line| !line.starts_with('#'));
    let rows = lines.filter_map(|line| {
        let columns: Vec<_> = line.split('\t').collect();
        let [url, expected, reason, of_kind] = columns[..] else {
            panic!("a row has four columns: {line:?}");
        };
        (of_kind == kind).then(|| Row {
            url: serde_json::from_str(&format!("\"{url}\"")).unwrap(),
            is_allowed: expected == "allow",
            reason,
        })
    });
    let rows: Vec<_> = rows.collect();
    assert!(!rows.is_empty(), "no rows of kind {kind}");
    rows
}

/// The redirects: place, status, fields.
pub(crate) fn redirects() -> Vec<(String, u16, String)> {
    let lines = TEXT.lines().filter_map(|line| line.strip_prefix("#HTTP\t"));
    let fixtures = lines.map(|line| {
        let columns: Vec<_> = line.split('\t').collect();
        let location = columns[2].replace("\\\\", "\\");
        let second = columns.get(3);
        let second = second.and_then(|note| note.strip_prefix("second Location: "));
        let first = (location != "-").then_some(location.as_str());
        let locations = first.into_iter().chain(second);
        let fields = locations.map(|location| ["location: ", location, "\r\n"].concat());
        let fields = fields.collect();
        let place = columns[0].strip_prefix("https://").unwrap();
        (place.to_owned(), columns[1].parse().unwrap(), fields)
    });
    fixtures.collect()
}
