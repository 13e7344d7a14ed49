//! Bodies of requests: JSON, or a form with files; and the addresses of what was uploaded.

use axum::body::{Body, Bytes};
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{FromRequest as _, Multipart, Request};
use http::header;
use http::request::Parts;
use proto::id::ChannelId;
use serde_json::{Value, json};

use super::{Answer, Call, Outcome, Refusal, read};
use crate::sandbox::Sandbox;
use crate::sandbox::world::World;
use crate::sandbox::world::files::NewFile;
use crate::sandbox::world::messages::Attachment;

/// Largest file, as for servers without a paid plan.
pub(crate) const FILE_BYTES: usize = 10 * 1024 * 1024;
/// Most files of a message.
pub(crate) const FILES: usize = 10;

/// A file of a form.
#[derive(Debug)]
pub(crate) struct Upload {
    /// The number in the field's name, `files[0]`.
    number: u64,
    name: String,
    content_type: String,
    bytes: Bytes,
}

/// What a request says.
#[derive(Debug, Default)]
pub(crate) struct Content {
    pub(crate) body: Value,
    pub(crate) files: Vec<Upload>,
}

/// Reads the body of a request.
pub(super) async fn read(parts: &Parts, body: Body) -> Result<Content, Refusal> {
    let kind = parts.headers.get(header::CONTENT_TYPE);
    let is_form = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"multipart/form-data"));
    let request = Request::from_parts(parts.clone(), body);
    if is_form {
        let form = Multipart::from_request(request, &()).await;
        return read_form(form.or(Err(Refusal::INVALID_FORM))?).await;
    }
    let bytes = Bytes::from_request(request, &())
        .await
        .or(Err(Refusal::TOO_LARGE))?;
    let body = if bytes.is_empty() {
        Value::Null
    } else {
        parse(&bytes)?
    };
    Ok(Content {
        body,
        files: Vec::new(),
    })
}

fn parse(bytes: &[u8]) -> Result<Value, Refusal> {
    serde_json::from_slice(bytes).or(Err(Refusal::INVALID_JSON))
}

async fn read_form(mut form: Multipart) -> Result<Content, Refusal> {
    let mut content = Content::default();
    while let Some(field) = form.next_field().await.map_err(broken)? {
        let name = field.name().unwrap_or_default().to_owned();
        if name == "payload_json" {
            content.body = parse(&field.bytes().await.map_err(broken)?)?;
        } else if field.file_name().is_some() {
            let number = content.files.len();
            content.files.push(read_file(field, &name, number).await?);
        } else {
            let text = field.text().await.map_err(broken)?;
            if content.body.is_null() {
                content.body = json!({});
            }
            crate::sandbox::shape::set(&mut content.body, &name, text.into());
        }
    }
    if content.files.len() > FILES {
        return Err(read::length("files", &(0..=FILES)));
    }
    Ok(content)
}

async fn read_file(field: Field<'_>, name: &str, otherwise: usize) -> Result<Upload, Refusal> {
    let number = name
        .strip_prefix("files[")
        .and_then(|rest| rest.strip_suffix(']'));
    let number = number.and_then(|number| number.parse().ok());
    let content_type = field
        .content_type()
        .unwrap_or("application/octet-stream")
        .to_owned();
    let file_name = field.file_name().unwrap_or("unknown").to_owned();
    let bytes = field.bytes().await.map_err(broken)?;
    if bytes.len() > FILE_BYTES {
        return Err(Refusal::TOO_LARGE);
    }
    Ok(Upload {
        number: number.unwrap_or_else(|| u64::try_from(otherwise).unwrap_or_default()),
        name: file_name,
        content_type,
        bytes,
    })
}

fn broken(error: MultipartError) -> Refusal {
    if error.status().as_u16() == 413 {
        Refusal::TOO_LARGE
    } else {
        Refusal::INVALID_FORM
    }
}

/// Keeps uploaded files; `attachments` of the body describes them by number.
pub(super) fn keep(
    world: &mut World,
    sandbox: &Sandbox,
    channel: ChannelId,
    (body, files): (&Value, Vec<Upload>),
) -> Vec<Attachment> {
    let described = body.get("attachments").and_then(Value::as_array);
    let files = files.into_iter().map(|file| {
        let about = described
            .into_iter()
            .flatten()
            .find(|about| read::id(about, "id") == Some(file.number));
        let told = |key: &str| {
            about
                .and_then(|about| about.get(key)?.as_str())
                .map(str::to_owned)
        };
        let new = NewFile {
            name: told("filename").unwrap_or(file.name),
            description: told("description"),
            content_type: file.content_type,
            bytes: file.bytes,
        };
        world.keep_file(&sandbox.files_url(), channel, new)
    });
    files.collect()
}

/// Returns those attachments that an edit names, or all when it names none.
pub(super) fn kept(body: &Value, before: Vec<Attachment>) -> Vec<Attachment> {
    match body.get("attachments") {
        None => before,
        Some(named) => {
            let named: Vec<_> = named
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|about| read::id(about, "id"))
                .collect();
            before
                .into_iter()
                .filter(|file| named.contains(&file.id))
                .collect()
        }
    }
}

/// Signs addresses of attachments anew.
pub(super) fn refresh(call: Call<'_>) -> Outcome {
    let urls = call.body.get("attachment_urls").and_then(Value::as_array);
    let urls = urls.ok_or_else(|| read::required("attachment_urls"))?;
    let renewed = urls.iter().filter_map(Value::as_str).map(|url| {
        let (plain, _) = url.split_once('?').unwrap_or((url, ""));
        json!({"original": url, "refreshed": call.world.signed(plain)})
    });
    Ok(Answer::Json(
        json!({"refreshed_urls": renewed.collect::<Vec<_>>()}),
    ))
}
