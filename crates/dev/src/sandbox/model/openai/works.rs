//! OpenAI's vectors and pictures.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::HeaderMap;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::ask::tokens;
use super::super::fault::Work;
use super::super::refusal::Problem;
use super::super::{Format, Sandbox, embed, picture, respond};
use super::{caller, parse};
use crate::sandbox::clock;

/// Models that make vectors, with the length that these have unless told.
pub(super) const EMBEDDING_MODELS: [(&str, usize); 4] = [
    ("sandbox-embedding", 256),
    ("text-embedding-3-small", 1_536),
    ("text-embedding-3-large", 3_072),
    ("text-embedding-ada-002", 1_536),
];
/// Models that paint.
pub(super) const IMAGE_MODELS: [&str; 3] = ["sandbox-image", "gpt-image-1", "dall-e-3"];
/// Most texts, vectors' dimensions, pictures and pixels of a side in one call.
const MOST_INPUTS: usize = 2_048;
const MOST_DIMENSIONS: usize = 3_072;
const MOST_IMAGES: usize = 10;
const LONGEST_SIDE: u32 = 2_048;

#[derive(Deserialize)]
struct EmbeddingRequest {
    model: String,
    input: Value,
    dimensions: Option<usize>,
    encoding_format: Option<String>,
}

pub(super) async fn embeddings(
    State(sandbox): State<Sandbox>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let caller = match caller(sandbox, &headers) {
        Ok(caller) => caller,
        Err(refusal) => return *refusal,
    };
    match parse::<EmbeddingRequest>(&body) {
        Ok(request) => {
            caller
                .simple(Work::Embeddings, &request.model, || embedded(&request))
                .await
        }
        Err(problem) => caller.refuse(&problem),
    }
}

fn embedded(request: &EmbeddingRequest) -> Result<Value, Problem> {
    let known = EMBEDDING_MODELS
        .iter()
        .find(|(name, _)| *name == request.model);
    let (_, usual) = known.ok_or_else(|| Problem::NoModel(request.model.clone()))?;
    let dimensions = request.dimensions.unwrap_or(*usual);
    let texts: Option<Vec<&str>> = match &request.input {
        Value::String(text) => Some(vec![text]),
        Value::Array(texts) => texts.iter().map(Value::as_str).collect(),
        _ => None,
    };
    let texts = texts.filter(|texts| (1..=MOST_INPUTS).contains(&texts.len()));
    let texts = texts
        .ok_or_else(|| Problem::Invalid("'$.input' is invalid: texts are needed.".to_owned()))?;
    if !(1..=MOST_DIMENSIONS).contains(&dimensions) {
        return Err(Problem::Invalid(format!(
            "'dimensions' is 1 to {MOST_DIMENSIONS}"
        )));
    }
    let is_base64 = request.encoding_format.as_deref() == Some("base64");
    let entry = |(index, text): (usize, &&str)| {
        let vector = embed::vector(text, dimensions);
        let vector = if is_base64 {
            let bytes: Vec<u8> = vector
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect();
            json!(BASE64_STANDARD.encode(bytes))
        } else {
            json!(vector)
        };
        json!({"object": "embedding", "index": index, "embedding": vector})
    };
    let read: usize = texts.iter().map(|text| tokens(text)).sum();
    Ok(json!({
        "object": "list", "model": request.model,
        "data": texts.iter().enumerate().map(entry).collect::<Vec<_>>(),
        "usage": {"prompt_tokens": read, "total_tokens": read},
    }))
}

#[derive(Deserialize)]
struct ImageRequest {
    prompt: String,
    model: Option<String>,
    n: Option<usize>,
    size: Option<String>,
    response_format: Option<String>,
}

pub(super) async fn images(
    State(sandbox): State<Sandbox>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let base = sandbox.model_url();
    let caller = match caller(sandbox, &headers) {
        Ok(caller) => caller,
        Err(refusal) => return *refusal,
    };
    match parse::<ImageRequest>(&body) {
        Ok(request) => {
            let model = request
                .model
                .clone()
                .unwrap_or_else(|| "dall-e-3".to_owned());
            let seed = caller.seed();
            caller
                .simple(Work::Images, &model, || {
                    painted(&request, &model, seed, &base)
                })
                .await
        }
        Err(problem) => caller.refuse(&problem),
    }
}

fn sides(size: &str) -> Option<(u32, u32)> {
    let (width, height) = size.split_once('x')?;
    let side = |text: &str| {
        text.parse()
            .ok()
            .filter(|side| (1..=LONGEST_SIDE).contains(side))
    };
    Some((side(width)?, side(height)?))
}

fn painted(request: &ImageRequest, model: &str, seed: u64, base: &str) -> Result<Value, Problem> {
    if !IMAGE_MODELS.contains(&model) {
        return Err(Problem::NoModel(model.to_owned()));
    }
    let size = request
        .size
        .as_deref()
        .filter(|size| *size != "auto")
        .unwrap_or("1024x1024");
    let (width, height) =
        sides(size).ok_or_else(|| Problem::Invalid(format!("Invalid value: '{size}'.")))?;
    // The models of the "gpt" family give bytes, "dall-e" gives an address unless told otherwise.
    let wants_url = match request.response_format.as_deref() {
        Some(format) => format == "url",
        None => model.starts_with("dall-e"),
    };
    let image = |index: usize| {
        let seed = seed.wrapping_add(u64::try_from(index).unwrap_or_default());
        if wants_url {
            let hash = xxhash_rust::xxh3::xxh3_64_with_seed(request.prompt.as_bytes(), seed);
            return Ok(json!({"url": format!("{base}/v1/images/files/{hash:016x}-{size}.png")}));
        }
        let file = picture::png(&request.prompt, seed, width, height);
        let file = file.map_err(|error| Problem::Invalid(error.to_string()))?;
        Ok(json!({"b64_json": BASE64_STANDARD.encode(file)}))
    };
    let count = request.n.unwrap_or(1).clamp(1, MOST_IMAGES);
    let read = tokens(&request.prompt);
    Ok(json!({
        "created": clock::now_ms() / 1_000,
        "data": (0..count).map(image).collect::<Result<Vec<_>, Problem>>()?,
        "usage": {"input_tokens": read, "output_tokens": 0, "total_tokens": read},
    }))
}

/// A painted picture; its address holds all that it is made of.
pub(super) async fn image_file(Path(name): Path<String>) -> Response {
    let parts = name
        .strip_suffix(".png")
        .and_then(|name| name.split_once('-'));
    let size = parts.and_then(|(_, size)| sides(size));
    let file = parts
        .zip(size)
        .map(|((hash, _), (width, height))| picture::png(hash, 0, width, height));
    match file {
        Some(Ok(file)) => respond(200, "image/png", file.into()),
        _ => Problem::NotFound.response(Format::OpenAi),
    }
}
