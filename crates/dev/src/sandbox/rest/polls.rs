//! Polls of messages.

use serde_json::{Value, json};

use super::messages::{answer, find};
use super::{Answer, Call, Outcome, Refusal, read};
use crate::sandbox::{clock, shape};

/// Hours that a poll may last.
const HOURS: std::ops::RangeInclusive<u64> = 1..=768;
const HOUR_MS: u64 = 3_600_000;

/// Reads the poll of a message that is about to be said.
pub(crate) fn read(body: &Value) -> Result<Option<Value>, Refusal> {
    let Some(poll) = body.get("poll").filter(|poll| poll.is_object()) else {
        return Ok(None);
    };
    let question = poll
        .get("question")
        .ok_or_else(|| read::required("question"))?;
    read::needed(question, "text", 1..=300)?;
    let answers = poll.get("answers").and_then(Value::as_array);
    let answers = answers.ok_or_else(|| read::required("answers"))?;
    if !(1..=10).contains(&answers.len()) {
        return Err(read::length("answers", &(1..=10)));
    }
    let mut shown = Vec::with_capacity(answers.len());
    for (answer, number) in answers.iter().zip(1..) {
        let media = answer
            .get("poll_media")
            .ok_or_else(|| read::required("poll_media"))?;
        read::needed(media, "text", 1..=55)?;
        let number: u64 = number;
        shown.push(json!({"answer_id": number, "poll_media": media}));
    }
    let hours = read::number(poll, "duration", HOURS)?.unwrap_or(24);
    Ok(Some(json!({
        "question": question, "answers": shown,
        "expiry": clock::timestamp(clock::now_ms() + hours * HOUR_MS),
        "allow_multiselect": read::flag(poll, "allow_multiselect").unwrap_or_default(),
        "layout_type": 1, "results": {"answer_counts": [], "is_finalized": false},
    })))
}

/// Lists who chose an answer: nobody, since people here do not vote.
pub(crate) fn voters(call: Call<'_>) -> Outcome {
    let (place, id) = call.message()?;
    find(call.world, place, id)?
        .extras
        .poll
        .as_ref()
        .ok_or(Refusal::NO_POLL)?;
    Ok(Answer::Json(json!({"users": []})))
}

/// Ends a poll of the bot at once.
pub(crate) fn expire(call: Call<'_>) -> Outcome {
    let (place, id) = call.message()?;
    let message = find(call.world, place, id)?;
    if message.author != call.world.bot() {
        return Err(Refusal::NOT_ITS_AUTHOR);
    }
    message.extras.poll.as_ref().ok_or(Refusal::NO_POLL)?;
    call.world.rewrite(place, id, |said| {
        if let Some(poll) = &mut said.extras.poll {
            shape::set(poll, "expiry", clock::timestamp(clock::now_ms()).into());
            shape::set(
                poll,
                "results",
                json!({"answer_counts": [], "is_finalized": true}),
            );
        }
    });
    answer(call.world, place, id)
}
