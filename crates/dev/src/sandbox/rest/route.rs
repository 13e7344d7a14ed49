//! Which route a request means and which bucket it counts in.

use http::Method;

use super::{Call, Outcome};
use super::{
    applications, bans, channels, commands, expressions, files, interactions, members, messages,
    pins, polls, reactions, roles, threads, webhooks,
};
use crate::sandbox::limits::Quota;
use crate::sandbox::world::interactions::TOKEN_PREFIX;

/// One route: its name as in Discord's documentation, how often it may be called, what it does.
pub(crate) struct Route {
    label: &'static str,
    pub(crate) quota: Quota,
    pub(crate) run: fn(Call<'_>) -> Outcome,
}

const fn route(label: &'static str, quota: Quota, run: fn(Call<'_>) -> Outcome) -> Route {
    Route { label, quota, run }
}

const fn quota(hash: &'static str, limit: u32, window_ms: u64) -> Quota {
    Quota {
        hash,
        limit,
        window_ms,
    }
}

// The figures were seen in answers of Discord; it promises none. Creating and editing messages
// share a hash and are counted apart.
const POST: Quota = quota("80c17d2f203122d936070c88c8d10f33", 5, 5_000);
const DELETE: Quota = quota("b4b7f2a4e3a14a2e9f5a5b7a4b0a6c11", 5, 1_000);
const READ: Quota = quota("4c1ffb1b4e5c0d5a5c8cf1c3ad2e2bb2", 10, 1_000);
const TYPE: Quota = quota("0e5ba5a3b8d64bb29fba6ea7e2ef3a11", 5, 5_000);
const REACT: Quota = quota("8f5c1d3b7a9e4f60b2d4c6e8a0f1b3d5", 1, 250);
const HOOK: Quota = quota("3cd1f278bd0ecaf11e0d2391c12a47c5", 5, 2_000);
const ANSWER: Quota = quota("ce0b1d2b38e3c0a5e3b8a6a4e0f0a0d9", 5, 2_000);
const GATEWAY: Quota = quota("41f9cd5d28af77da04563bcb1d67fdfd", 2, 5_000);
const COMMANDS: Quota = quota("8c4d1e0f1d2b4f6a9a2f3b5d7e9f1a3c", 5, 20_000);
const MEMBER: Quota = quota("6f2a9c4e8b1d3f5a7c9e1b3d5f7a9c1e", 10, 10_000);
const OTHER: Quota = quota("d4f2b6a8c0e21d3f5a7b9c1e3f5a7b9c", 30, 30_000);

/// All routes; where two could be meant, the more exact one stands first.
#[rustfmt::skip]
const ROUTES: &[Route] = &[
    route("POST /channels/{channel}/messages/bulk-delete", DELETE, messages::delete_many),
    route("GET /channels/{channel}/messages/pins", READ, pins::list),
    route("PUT /channels/{channel}/messages/pins/{message}", OTHER, pins::add),
    route("DELETE /channels/{channel}/messages/pins/{message}", OTHER, pins::remove),
    route("GET /channels/{channel}/pins", READ, pins::list_plain),
    route("PUT /channels/{channel}/pins/{message}", OTHER, pins::add),
    route("DELETE /channels/{channel}/pins/{message}", OTHER, pins::remove),
    route("POST /channels/{channel}/messages", POST, messages::create),
    route("GET /channels/{channel}/messages", READ, messages::list),
    route("GET /channels/{channel}/messages/{message}", READ, messages::get),
    route("PATCH /channels/{channel}/messages/{message}", POST, messages::edit),
    route("DELETE /channels/{channel}/messages/{message}", DELETE, messages::delete),
    route("POST /channels/{channel}/messages/{message}/threads", OTHER, threads::from_message),
    route("PUT /channels/{channel}/messages/{message}/reactions/{emoji}/@me", REACT, reactions::add),
    route("DELETE /channels/{channel}/messages/{message}/reactions/{emoji}/@me", REACT, reactions::remove_own),
    route("DELETE /channels/{channel}/messages/{message}/reactions/{emoji}/{user}", REACT, reactions::remove),
    route("GET /channels/{channel}/messages/{message}/reactions/{emoji}", READ, reactions::list),
    route("DELETE /channels/{channel}/messages/{message}/reactions/{emoji}", REACT, reactions::clear),
    route("DELETE /channels/{channel}/messages/{message}/reactions", REACT, reactions::clear),
    route("POST /channels/{channel}/typing", TYPE, messages::type_in),
    route("GET /channels/{channel}/polls/{message}/answers/{answer}", READ, polls::voters),
    route("POST /channels/{channel}/polls/{message}/expire", OTHER, polls::expire),
    route("POST /channels/{channel}/threads", OTHER, threads::create),
    route("GET /channels/{channel}/threads/archived/public", READ, threads::archived_public),
    route("GET /channels/{channel}/threads/archived/private", READ, threads::archived_private),
    route("GET /channels/{channel}/users/@me/threads/archived/private", READ, threads::archived_joined),
    route("GET /channels/{channel}/thread-members", READ, threads::members),
    route("PUT /channels/{channel}/thread-members/@me", OTHER, threads::join),
    route("DELETE /channels/{channel}/thread-members/@me", OTHER, threads::leave),
    route("GET /channels/{channel}/thread-members/{user}", READ, threads::member),
    route("PUT /channels/{channel}/thread-members/{user}", OTHER, threads::add_member),
    route("DELETE /channels/{channel}/thread-members/{user}", OTHER, threads::remove_member),
    route("GET /channels/{channel}/webhooks", OTHER, webhooks::of_channel),
    route("POST /channels/{channel}/webhooks", OTHER, webhooks::create),
    route("PUT /channels/{channel}/permissions/{overwrite}", OTHER, channels::set_overwrite),
    route("DELETE /channels/{channel}/permissions/{overwrite}", OTHER, channels::remove_overwrite),
    route("GET /channels/{channel}", OTHER, channels::get),
    route("PATCH /channels/{channel}", OTHER, channels::edit),
    route("DELETE /channels/{channel}", OTHER, channels::delete),
    route("GET /guilds/{guild}/channels", OTHER, channels::list),
    route("POST /guilds/{guild}/channels", OTHER, channels::create),
    route("GET /guilds/{guild}/threads/active", OTHER, threads::active),
    route("GET /guilds/{guild}/webhooks", OTHER, webhooks::of_guild),
    route("GET /guilds/{guild}/members/search", MEMBER, members::search),
    route("PATCH /guilds/{guild}/members/@me", MEMBER, members::edit_own),
    route("GET /guilds/{guild}/members", MEMBER, members::list),
    route("GET /guilds/{guild}/members/{user}", MEMBER, members::get),
    route("PATCH /guilds/{guild}/members/{user}", MEMBER, members::edit),
    route("DELETE /guilds/{guild}/members/{user}", MEMBER, members::kick),
    route("PUT /guilds/{guild}/members/{user}/roles/{role}", MEMBER, members::add_role),
    route("DELETE /guilds/{guild}/members/{user}/roles/{role}", MEMBER, members::remove_role),
    route("GET /guilds/{guild}/bans", MEMBER, bans::list),
    route("GET /guilds/{guild}/bans/{user}", MEMBER, bans::get),
    route("PUT /guilds/{guild}/bans/{user}", MEMBER, bans::add),
    route("DELETE /guilds/{guild}/bans/{user}", MEMBER, bans::remove),
    route("GET /guilds/{guild}/roles", OTHER, roles::list),
    route("POST /guilds/{guild}/roles", OTHER, roles::create),
    route("GET /guilds/{guild}/roles/{role}", OTHER, roles::get),
    route("PATCH /guilds/{guild}/roles/{role}", OTHER, roles::edit),
    route("DELETE /guilds/{guild}/roles/{role}", OTHER, roles::delete),
    route("GET /guilds/{guild}/emojis", OTHER, expressions::emojis),
    route("GET /guilds/{guild}/emojis/{emoji}", OTHER, expressions::emoji),
    route("GET /guilds/{guild}/stickers", OTHER, expressions::stickers),
    route("GET /guilds/{guild}/stickers/{sticker}", OTHER, expressions::sticker),
    route("GET /stickers/{sticker}", OTHER, expressions::any_sticker),
    route("GET /guilds/{guild}", OTHER, channels::guild),
    route("GET /users/@me", OTHER, applications::current_user),
    route("GET /users/@me/guilds", OTHER, applications::guilds),
    route("POST /users/@me/channels", OTHER, channels::open_direct),
    route("GET /users/{user}", OTHER, members::user),
    route("GET /applications/@me", OTHER, applications::current_application),
    route("GET /oauth2/applications/@me", OTHER, applications::current_application),
    route("GET /applications/{application}/emojis", OTHER, expressions::of_application),
    route("GET /applications/{application}/commands", COMMANDS, commands::list),
    route("PUT /applications/{application}/commands", COMMANDS, commands::replace),
    route("POST /applications/{application}/commands", COMMANDS, commands::create),
    route("GET /applications/{application}/commands/{command}", COMMANDS, commands::get),
    route("PATCH /applications/{application}/commands/{command}", COMMANDS, commands::edit),
    route("DELETE /applications/{application}/commands/{command}", COMMANDS, commands::delete),
    route("GET /applications/{application}/guilds/{guild}/commands/permissions", COMMANDS, commands::all_permissions),
    route("GET /applications/{application}/guilds/{guild}/commands", COMMANDS, commands::list),
    route("PUT /applications/{application}/guilds/{guild}/commands", COMMANDS, commands::replace),
    route("POST /applications/{application}/guilds/{guild}/commands", COMMANDS, commands::create),
    route("GET /applications/{application}/guilds/{guild}/commands/{command}", COMMANDS, commands::get),
    route("PATCH /applications/{application}/guilds/{guild}/commands/{command}", COMMANDS, commands::edit),
    route("DELETE /applications/{application}/guilds/{guild}/commands/{command}", COMMANDS, commands::delete),
    route("GET /applications/{application}/guilds/{guild}/commands/{command}/permissions", COMMANDS, commands::permissions),
    route("PUT /applications/{application}/guilds/{guild}/commands/{command}/permissions", COMMANDS, commands::set_permissions),
    route("POST /attachments/refresh-urls", OTHER, files::refresh),
    route("GET /gateway/bot", GATEWAY, applications::gateway_bot),
    route("GET /gateway", GATEWAY, applications::gateway),
    route("POST /interactions/{interaction}/{token}/callback", ANSWER, interactions::answer),
    route("POST /webhooks/{application}/{token}", ANSWER, interactions::follow_up),
    route("GET /webhooks/{application}/{token}/messages/{message}", ANSWER, interactions::get),
    route("PATCH /webhooks/{application}/{token}/messages/{message}", ANSWER, interactions::edit),
    route("DELETE /webhooks/{application}/{token}/messages/{message}", ANSWER, interactions::delete),
    route("GET /webhooks/{webhook}", OTHER, webhooks::get),
    route("PATCH /webhooks/{webhook}", OTHER, webhooks::edit),
    route("DELETE /webhooks/{webhook}", OTHER, webhooks::delete),
    route("GET /webhooks/{webhook}/{token}", HOOK, webhooks::get),
    route("PATCH /webhooks/{webhook}/{token}", HOOK, webhooks::edit),
    route("DELETE /webhooks/{webhook}/{token}", HOOK, webhooks::delete),
    route("POST /webhooks/{webhook}/{token}", HOOK, webhooks::execute),
    route("GET /webhooks/{webhook}/{token}/messages/{message}", HOOK, webhooks::get_message),
    route("PATCH /webhooks/{webhook}/{token}/messages/{message}", HOOK, webhooks::edit_message),
    route("DELETE /webhooks/{webhook}/{token}/messages/{message}", HOOK, webhooks::delete_message),
];

/// The parameters of a path by name.
pub(crate) struct Params(Vec<(&'static str, String)>);

impl Params {
    /// Returns a parameter, "" when the route has none of that name.
    pub(crate) fn text(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(known, _)| *known == name);
        found.map_or("", |(_, value)| value)
    }

    /// Returns what has buckets of its own: channel, server, interaction or token.
    pub(crate) fn major(&self) -> u64 {
        let majors = ["channel", "guild", "token", "interaction", "webhook"];
        let major = majors
            .iter()
            .map(|name| self.text(name))
            .find(|text| !text.is_empty());
        let major = major.unwrap_or_default();
        major
            .parse()
            .unwrap_or_else(|_| xxhash_rust::xxh3::xxh3_64(major.as_bytes()))
    }
}

impl Route {
    /// Finds the route of a request; `None` for what is not there or not built.
    pub(crate) fn find(method: &Method, path: &str) -> Option<(&'static Self, Params)> {
        let segments: Vec<_> = path
            .split('/')
            .filter(|segment| !segment.is_empty())
            .collect();
        ROUTES.iter().find_map(|route| {
            let (known, pattern) = route.label.split_once(' ')?;
            let is_it = known == method.as_str();
            let params = is_it.then(|| matches(pattern, &segments)).flatten()?;
            // Tokens of interactions and of webhooks stand at the same place.
            let is_interaction = params.text("token").starts_with(TOKEN_PREFIX);
            let is_webhook = pattern.starts_with("/webhooks/{webhook}/{token}");
            let is_answer = pattern.starts_with("/webhooks/{application}");
            (!(is_interaction && is_webhook || !is_interaction && is_answer))
                .then_some((route, params))
        })
    }

    /// Names the route as Discord's documentation does.
    pub(crate) fn label(&self) -> &'static str {
        self.label
    }

    /// Tells whether the bot's token is asked for; token addresses carry their own.
    pub(crate) fn needs_token(&self) -> bool {
        !self.label.contains("{token}") && self.label != "GET /gateway"
    }

    /// Tells whether webhooks post here, whose channel has a limit of its own.
    pub(crate) fn is_execution(&self) -> bool {
        self.label == "POST /webhooks/{webhook}/{token}"
    }
}

fn matches(pattern: &'static str, segments: &[&str]) -> Option<Params> {
    let mut params = Vec::new();
    let mut segments = segments.iter();
    for part in pattern.split('/').skip(1) {
        let segment = segments.next()?;
        match part
            .strip_prefix('{')
            .and_then(|part| part.strip_suffix('}'))
        {
            Some(name) => {
                let value = percent_encoding::percent_decode_str(segment).decode_utf8_lossy();
                params.push((name, value.into_owned()));
            }
            None if part == *segment => {}
            None => return None,
        }
    }
    segments.next().is_none().then_some(Params(params))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(method: &Method, path: &str) -> &'static str {
        Route::find(method, path).map_or("", |(route, _)| route.label())
    }

    #[test]
    fn the_more_exact_route_is_found_first() {
        let pins = found(&Method::GET, "/channels/1/messages/pins");
        assert_eq!(pins, "GET /channels/{channel}/messages/pins");
        assert_eq!(found(&Method::GET, "/users/@me"), "GET /users/@me");
    }

    #[test]
    fn tokens_of_webhooks_and_interactions_are_told_apart() {
        let webhook = found(&Method::POST, "/webhooks/1/abc");
        assert_eq!(webhook, "POST /webhooks/{webhook}/{token}");
        let answer = found(&Method::POST, &format!("/webhooks/1/{TOKEN_PREFIX}abc"));
        assert_eq!(answer, "POST /webhooks/{application}/{token}");
    }

    #[test]
    fn an_emoji_is_decoded() {
        let path = "/channels/1/messages/2/reactions/%E2%9C%85/@me";
        let (_, params) = Route::find(&Method::PUT, path).unwrap();
        assert_eq!(params.text("emoji"), "✅");
    }
}
