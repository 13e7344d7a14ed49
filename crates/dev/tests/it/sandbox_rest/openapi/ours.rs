//! Everything that our own client can ask.

use discord::{Answer, Client, File, NewMessage, Page, Settings};
use proto::id::{ApplicationId, ChannelId, GuildId, InteractionId, MessageId, UserId};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use twilight_model::channel::message::MessageFlags;

use super::answers::Used;
use super::{Scene, button, id, witness};

/// Our client with the names of the scene.
pub(super) struct Ours<'a> {
    scene: &'a Scene,
    client: Client,
    application: ApplicationId,
    channel: ChannelId,
    guild: GuildId,
}

/// Reads one of the models that our client takes.
fn model<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

impl<'a> Ours<'a> {
    pub(super) fn new(scene: &'a Scene) -> Self {
        let settings = Settings {
            api_url: scene.witness.url(),
            ..witness::settings()
        };
        Self {
            scene,
            client: Client::new(settings).unwrap(),
            application: scene.application.parse().unwrap(),
            channel: scene.channel.parse().unwrap(),
            guild: scene.guild.parse().unwrap(),
        }
    }

    /// Asks everything.
    pub(super) async fn ask(&self) {
        self.application().await;
        self.messages().await;
        self.commands().await;
        self.answers().await;
        self.refused_answers().await;
    }

    async fn application(&self) {
        self.client.gateway_bot().await.unwrap();
        self.client.current_user().await.unwrap();
        self.client.current_application().await.unwrap();
    }

    async fn messages(&self) {
        let Self {
            client, channel, ..
        } = self;
        client.typing(*channel).await.unwrap();
        let user: UserId = self.scene.user.parse().unwrap();
        let message = NewMessage {
            content: format!("hello <@{user}>"),
            nonce: Some(7),
            mention_users: vec![user],
            components: model(json!([button("ours")])),
            ..witness::message()
        };
        let posted = client.create_message(*channel, &message).await.unwrap();
        let reply = NewMessage {
            content: "and more".to_owned(),
            reply_to: Some(posted.id),
            ..witness::message()
        };
        client.create_message(*channel, &reply).await.unwrap();
        client.message(*channel, posted.id).await.unwrap().unwrap();
        let direct = NewMessage {
            content: "here it is".to_owned(),
            nonce: Some(8),
            files: Self::files(),
            ..witness::message()
        };
        client.send_directly(user, &direct).await.unwrap();
        let gone = client.message(*channel, MessageId(1)).await.unwrap();
        assert!(gone.is_none());
        for page in [
            Page::Latest,
            Page::Before(MessageId(u64::MAX >> 1)),
            Page::After(posted.id),
        ] {
            let read = client.messages(*channel, page, 5).await.unwrap();
            assert!(!read.is_empty(), "{page:?}");
        }
    }

    async fn commands(&self) {
        let choice = json!({"name": "Green", "value": "green", "name_localizations": {"ja": "緑"}});
        let option = json!({
            "type": 3, "name": "what", "description": "d", "required": true, "choices": [choice],
        });
        let sub = json!({"type": 1, "name": "sub", "description": "d", "options": [option]});
        let command = json!({
            "type": 1, "name": "ours", "description": "d", "options": [sub], "version": "1",
            "description_localizations": {"ja": "説明"}, "default_member_permissions": "32",
        });
        let hi = json!({"type": 1, "name": "hi", "description": "d", "version": "1"});
        let commands = model::<Vec<_>>(json!([command, hi]));
        for guild in [None, Some(self.guild)] {
            let made = self
                .client
                .set_commands(self.application, guild, &commands)
                .await;
            assert_eq!(made.unwrap().len(), 2);
            let read = self.client.commands(self.application, guild).await;
            assert_eq!(read.unwrap().len(), 2);
        }
    }

    /// Gives each type of first answer, and replaces it where that is a message.
    async fn answers(&self) {
        let said = json!({
            "content": "hi", "embeds": [{"title": "t", "type": "rich"}], "components": [button("b")],
            "flags": 64, "allowed_mentions": {"parse": [], "replied_user": false},
        });
        let used = Used::of_command(self.scene).await;
        self.respond(&used, json!({"type": 4, "data": said})).await;
        let path = format!(
            "/webhooks/{}/{}/messages/@original",
            self.application, used.token
        );
        let shown = self.scene.get(path).await;
        for answer in [
            json!({"type": 6}),
            json!({"type": 7, "data": {"content": "pressed", "components": [button("b")]}}),
        ] {
            let component = json!({"message_id": id(&shown), "custom_id": "b"});
            let pressed = Used::of(self.scene, json!({"component": component})).await;
            self.respond(&pressed, answer).await;
            self.edit(&pressed, &Self::plain()).await;
        }
        for answer in [Self::plain(), Self::newer()] {
            let used = Used::of_command(self.scene).await;
            self.respond(&used, json!({"type": 5, "data": {"flags": 64}}))
                .await;
            self.edit(&used, &answer).await;
        }
        let field = json!({"type": 4, "custom_id": "name", "style": 1, "label": "Name"});
        let row = json!({"type": 1, "components": [field]});
        let form = json!({"custom_id": "form", "title": "Form", "components": [row]});
        let used = Used::of_command(self.scene).await;
        self.respond(&used, json!({"type": 9, "data": form})).await;
    }

    fn plain() -> Answer {
        Answer {
            content: Some("kept".to_owned()),
            embeds: model(json!([{"title": "t", "type": "rich"}])),
            components: model(json!([button("b")])),
            flags: None,
            files: Self::files(),
        }
    }

    fn files() -> Vec<File> {
        let first = File::new("a.json", "application/json", "{}".as_bytes());
        let second = File::new("b.zip", "application/zip", vec![0; 300]);
        vec![first, second]
    }

    fn newer() -> Answer {
        let text = json!({"type": 10, "content": "newer"});
        Answer {
            components: model(json!([{"type": 17, "components": [text]}])),
            flags: Some(MessageFlags::IS_COMPONENTS_V2),
            ..Answer::default()
        }
    }

    async fn respond(&self, used: &Used, response: Value) {
        let id: InteractionId = used.id.parse().unwrap();
        let response = model(response);
        let responded = self.client.respond(id, &used.token, &response).await;
        responded.unwrap();
    }

    async fn edit(&self, used: &Used, answer: &Answer) {
        let edited = self
            .client
            .edit_response(self.application, &used.token, answer)
            .await;
        edited.unwrap();
    }

    /// The refusals that tell who came first.
    async fn refused_answers(&self) {
        let used = Used::of_command(self.scene).await;
        let id: InteractionId = used.id.parse().unwrap();
        let promise = model(json!({"type": 5}));
        let respond = |id| self.client.respond(id, &used.token, &promise);
        respond(id).await.unwrap();
        assert!(respond(id).await.unwrap_err().is_already_answered());
        let unknown = respond(InteractionId(1)).await;
        assert!(unknown.unwrap_err().is_unknown_interaction());
    }
}
