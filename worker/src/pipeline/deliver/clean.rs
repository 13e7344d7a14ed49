//! stub
pub(super) fn neutralise(t: &str, _: &str) -> String {
    t.to_owned()
}
