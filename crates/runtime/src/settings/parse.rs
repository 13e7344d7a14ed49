//! What a value must look like (CFG-2). Errors read on after the setting's name and never repeat
//! the value.

use std::ops::RangeInclusive;

use url::Url;

pub(super) fn in_range<T: std::str::FromStr + PartialOrd>(
    text: &str,
    range: &RangeInclusive<T>,
    kind: &str,
) -> Result<T, String> {
    // `+5` is no decimal digit (CFG-2), and what Rust calls a number (`inf`, `1e3`) need not be one.
    let is_plain = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'-' || byte == b'.');
    let number = text.parse::<T>().ok().filter(|_| is_plain);
    let number = number.ok_or_else(|| format!("is not {kind}"))?;
    if range.contains(&number) {
        Ok(number)
    } else {
        Err("is out of range".to_owned())
    }
}

pub(super) fn boolean(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err("is neither true nor false".to_owned()),
    }
}

pub(super) fn url(text: &str, schemes: &[&str]) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("is not an address ({error})"))?;
    if !schemes.contains(&url.scheme()) {
        return Err("starts with another scheme".to_owned());
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err("names no host".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("contains a user or password, which would show up in logs".to_owned());
    }
    Ok(url)
}

/// An address that gets secrets to send back: unencrypted only within a network (CFG-25).
pub(super) fn secret_store(text: &str) -> Result<Url, String> {
    let url = url(text, &["https", "http"])?;
    let is_near = match url.host() {
        Some(url::Host::Ipv4(ip)) => ip.is_loopback() || ip.is_private(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback() || ip.is_unique_local(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    };
    if url.scheme() == "https" || is_near {
        Ok(url)
    } else {
        Err("is not encrypted".to_owned())
    }
}

pub(super) fn list(text: &str, max_items: usize) -> Result<Vec<String>, String> {
    let items: Vec<_> = text.split(',').map(|item| item.trim().to_owned()).collect();
    if items.iter().any(String::is_empty) {
        return Err("has an empty item".to_owned());
    }
    if items.len() > max_items {
        Err(format!("has {} items", items.len()))
    } else {
        Ok(items)
    }
}
