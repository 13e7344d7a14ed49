//! Sends files to a person, directly and to nobody else (PRIV-48).

use std::time::Duration;

use proto::id::{InteractionId, UserId};
use tokio::time::Instant;

use crate::app::App;
use crate::notice::{FileText, Notice};
use crate::portable::FileType;

/// Longest time for all of it: the work behind a claim ends after a minute.
const SEND_WITHIN: Duration = Duration::from_secs(45);

/// Sends files with a word about them. The same interaction sends once, whatever has to be repeated.
///
/// # Errors
/// What to tell the person instead.
pub(super) async fn send(
    app: &App,
    user: UserId,
    (file_type, files): (FileType, Vec<discord::File>),
    interaction: InteractionId,
) -> Result<(), Notice> {
    let text = Notice::from(FileText::Beside(file_type))
        .text()
        .into_owned();
    let deadline = Instant::now() + SEND_WITHIN;
    let message = discord::NewMessage {
        files,
        ..discord::NewMessage::plain(text, interaction.0, deadline)
    };
    let sent = app.discord.send_directly(user, &message).await;
    sent.map(drop).map_err(|error| {
        tracing::info!(%error, "a file is not sent");
        let text = match error {
            error if error.is_direct_closed() => FileText::DirectClosed,
            discord::Error::InDoubt { .. } => FileText::DirectInDoubt,
            _ => FileText::DirectAway,
        };
        text.into()
    })
}
