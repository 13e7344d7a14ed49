//! A whole installation for one test: own database and names, sandbox, gateway and workers.
//!
//! The binaries are those that `./dev test` built; the servers are shared by all tests. What is
//! still running at the end of a test, whatever its outcome, is killed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use dev::control::{self, Name};
use dev::installation::{Database, Given, Installation, State};
use dev::part::Part;
use dev::play::{self, Scenario};
use dev::postgres::Programs;
use dev::process::Activity;
use dev::sandbox::client::Place;
use dev::{http, launch, up};
use futures_util::{StreamExt as _, stream};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::time::Instant;

/// The longest that the last reply of a test may take: a takeover, and a machine that is busy.
const REPLY_WAIT: Duration = Duration::from_mins(2);

/// Between two looks at something that is waited for.
const LOOK: Duration = Duration::from_millis(50);

/// An installation that runs.
pub(crate) struct Town {
    installation: Installation,
    server: Database,
    url: String,
}

/// How an installation reaches the servers.
pub(crate) struct Way {
    pub(crate) database: Database,
    pub(crate) nats_url: String,
    /// What opens the broker of a deployment; it is this installation's alone then.
    pub(crate) guard: Option<PathBuf>,
}

impl Default for Way {
    fn default() -> Self {
        Self {
            database: database_server(),
            nats_url: broker_url(),
            guard: None,
        }
    }
}

/// A message that the bot is to answer.
#[derive(Debug, Clone)]
pub(crate) struct Trigger {
    pub(crate) id: String,
    pub(crate) channel: String,
}

/// What the bot recorded about a trigger.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) trigger: Trigger,
    pub(crate) record: Value,
}

impl Answer {
    /// The ids of the reply's messages in the order of sending.
    pub(crate) fn posts(&self) -> Vec<String> {
        let turns = self.record["turns"].as_array().unwrap().iter();
        let posts = turns.flat_map(|turn| turn["posts"].as_array().unwrap());
        posts
            .map(|post| {
                post["message_id"]
                    .as_str()
                    .unwrap_or("unconfirmed")
                    .to_owned()
            })
            .collect()
    }
}

impl Town {
    /// Starts an installation in which nobody has set up anything yet, but for the server "Sandbox".
    pub(crate) async fn start(workers: u16) -> Self {
        Self::start_with(workers, &[]).await
    }

    /// The same, with settings of gateway and workers that are not the usual ones.
    pub(crate) async fn start_with(workers: u16, settings: &[(&str, &str)]) -> Self {
        Self::start_reaching(Way::default(), workers, settings).await
    }

    /// The same, where all programs of the installation reach the servers as `way` says.
    pub(crate) async fn start_reaching(way: Way, workers: u16, settings: &[(&str, &str)]) -> Self {
        let name = format!("e2e_{:016x}", rand::random::<u64>());
        let server = database_server();
        let database = Database {
            name: name.clone(),
            ..way.database
        };
        let statement = format!("CREATE DATABASE {name}");
        programs().await.query(&server, &statement).await.unwrap();
        let installation = installation_at(&home().join(&name));
        let nats_prefix = match way.guard {
            // Rights are given to names.
            Some(_) => "tomori".to_owned(),
            None => name,
        };
        let given = Given {
            database,
            nats_url: way.nats_url,
            nats_prefix,
            guard: way.guard,
        };
        let mut state = State {
            workers,
            given: Some(given),
            settings: settings
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            ..State::default()
        };
        let mut town = Self {
            installation,
            server,
            url: String::new(),
        };
        up::bring_up(&town.installation, &mut state).await.unwrap();
        town.url = town.installation.sandbox_url().unwrap();
        town
    }

    /// The address of its sandbox.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Sets the bot up on a server, by `/setup` as its owner would.
    pub(crate) async fn set_up(&self, server: &str) {
        let place = Place::channel("alice", &format!("{server}/general"));
        dev::command::set_up(&self.url, &place).await.unwrap();
    }

    /// Plays every scenario of the checkout and returns what came out otherwise.
    pub(crate) async fn play_all(&self) -> Vec<String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
        let files = play::all(&folder).unwrap();
        let scenarios = files.iter().map(|file| Scenario::read(file).unwrap());
        let scenarios: Vec<_> = scenarios.collect();
        let mut wrong = Vec::new();
        play::play_all(&scenarios, &self.installation, false, |played| {
            if let Err(error) = &played.outcome {
                wrong.push(format!("{error:#}"));
            }
        })
        .await;
        wrong
    }

    /// Makes the model slow, so that something can happen while it speaks.
    pub(crate) async fn speak_slowly(&self, delta_delay_ms: u64) {
        self.change(&json!({"delta_delay_ms": delta_delay_ms}))
            .await;
    }

    /// Changes settings of the sandbox.
    pub(crate) async fn change(&self, settings: &Value) {
        http::patch_json(&format!("{}/sandbox/settings", self.url), settings)
            .await
            .unwrap();
    }

    /// Lets the next calls that make messages go wrong.
    pub(crate) async fn break_posting(&self, mut fault: Value) {
        fault["route"] = json!("POST /channels/{channel}/messages");
        self.tell("faults", &fault).await;
    }

    /// Asks a route of the sandbox's own for something.
    pub(crate) async fn tell(&self, route: &str, body: &Value) -> Value {
        http::post_json(&format!("{}/sandbox/{route}", self.url), body)
            .await
            .unwrap()
    }

    /// Reads a route of the sandbox's own.
    pub(crate) async fn look(&self, route: &str) -> Value {
        http::get_json(&format!("{}/sandbox/{route}", self.url))
            .await
            .unwrap()
    }

    /// Everything that the processes have written.
    pub(crate) fn everything_logged(&self) -> String {
        let parts = self.installation.state().unwrap().wanted();
        parts
            .into_iter()
            .fold(String::new(), |all, part| all + &self.logged(part))
    }

    /// Lets the next answers of the model go wrong.
    pub(crate) async fn break_model(&self, fault: Value) {
        http::post_json(&format!("{}/sandbox/model/faults", self.url), &fault)
            .await
            .unwrap();
    }

    /// Waits until a query finds something.
    pub(crate) async fn wait_for_row(&self, query: &str) {
        self.wait_until(query, async || !self.sql(query).await.trim().is_empty())
            .await;
    }

    /// Waits until a message after the trigger contains a text.
    pub(crate) async fn wait_for_text(&self, trigger: &Trigger, text: &str) {
        let is_there = async || {
            let messages = self.messages(trigger).await;
            messages
                .iter()
                .any(|message| message["content"].as_str().unwrap().contains(text))
        };
        self.wait_until(text, is_there).await;
    }

    /// Waits until exactly these messages of the bot stand behind a trigger.
    pub(crate) async fn wait_for_messages(&self, trigger: &Trigger, expected: &[String]) {
        let are_there = async || {
            let messages = self.messages(trigger).await;
            let own = messages
                .iter()
                .filter(|message| message["author"]["bot"] == true);
            let ids: Vec<&str> = own.map(|message| message["id"].as_str().unwrap()).collect();
            ids == expected
        };
        let what = format!("{expected:?} after {trigger:?}");
        self.wait_until(&what, are_there).await;
    }

    /// What was said after a trigger, oldest first.
    pub(crate) async fn messages(&self, Trigger { id, channel }: &Trigger) -> Vec<Value> {
        let url = format!(
            "{}/sandbox/messages?channel_id={channel}&after={id}",
            self.url
        );
        let messages = http::get_json(&url).await.unwrap();
        messages.as_array().unwrap().clone()
    }

    /// Waits until something is so.
    pub(crate) async fn wait_until(&self, what: &str, is_so: impl AsyncFn() -> bool) {
        let deadline = Instant::now() + REPLY_WAIT;
        while !is_so().await {
            if Instant::now() >= deadline {
                let posts = self.posts().await;
                panic!("it never came to this: {what}; {posts:?}{}", self.logs());
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// The newest question that the model was asked.
    pub(crate) async fn last_question(&self) -> String {
        let calls = http::get_json(&format!("{}/sandbox/model/calls", self.url))
            .await
            .unwrap();
        calls.as_array().unwrap().last().unwrap().to_string()
    }

    /// Takes back what somebody said.
    pub(crate) async fn delete(&self, trigger: &Trigger) {
        let Trigger { channel, id } = trigger;
        let url = format!("{}/sandbox/channels/{channel}/messages/{id}", self.url);
        http::delete_json(&url).await.unwrap();
    }

    /// Changes what somebody said, without leaving a trace of who did.
    pub(crate) async fn edit(&self, trigger: &Trigger, text: &str) {
        let Trigger { channel, id } = trigger;
        let url = format!("{}/sandbox/channels/{channel}/messages/{id}", self.url);
        http::patch_json(&url, &json!({"content": text}))
            .await
            .unwrap();
    }

    /// Where its processes write what they write.
    pub(crate) fn folder(&self) -> &Path {
        self.installation.home()
    }

    /// Where its events travel: the broker's address, and what names on it begin with.
    pub(crate) fn broker(&self) -> (String, String) {
        self.installation.state().unwrap().broker()
    }

    /// Its database.
    pub(crate) fn database(&self) -> Database {
        self.installation.state().unwrap().given.unwrap().database
    }

    /// Runs a statement in its database and returns what it prints.
    pub(crate) async fn sql(&self, statement: &str) -> String {
        let database = self.database();
        let programs = programs().await;
        programs.query(&database, statement).await.unwrap()
    }

    /// A message as the sandbox shows it.
    pub(crate) async fn message(&self, id: &str) -> Value {
        http::get_json(&format!("{}/sandbox/messages/{id}", self.url))
            .await
            .unwrap()
    }

    /// Runs an operator command; returns its exit code and the JSON document that it prints.
    pub(crate) async fn operate(&self, arguments: &[&str]) -> (i32, Value) {
        let mut command = self.installation.worker_command(arguments).unwrap();
        let output = command.arg("--json").output().await.unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        let answer = serde_json::from_slice(&output.stdout);
        let answer = answer.unwrap_or_else(|error| panic!("{error}: {complaint}"));
        (output.status.code().unwrap(), answer)
    }

    /// A sample of a process's metrics, 0 when there is none.
    pub(crate) async fn metric(&self, part: Part, sample: &str) -> f64 {
        let samples = self.metrics(part).await;
        samples.get(sample).copied().unwrap_or_default()
    }

    /// All samples of a process's metrics.
    pub(crate) async fn metrics(&self, part: Part) -> BTreeMap<String, f64> {
        let (_, text) = self.ask(part, "metrics").await;
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let samples = lines.filter_map(|line| line.rsplit_once(' '));
        samples
            .map(|(name, value)| (name.to_owned(), value.parse().unwrap()))
            .collect()
    }

    /// What the admin port of a process answers, and with which status.
    pub(crate) async fn ask(&self, part: Part, path: &str) -> (u16, String) {
        let url = format!("{}/{path}", self.installation.address(part).unwrap());
        let (status, body) = http::get(&url).await.unwrap();
        let text = String::from_utf8(body.to_vec()).unwrap();
        (status.as_u16(), text)
    }

    /// The exit code of a program's own question whether it is ready, as a health check asks it.
    pub(crate) async fn is_ready(&self, part: Part, program: &str) -> i32 {
        let address = self.installation.address(part).unwrap();
        let port = address.rsplit(':').next().unwrap();
        let asking = tokio::process::Command::new(self.installation.binary(program))
            .arg("--is-ready")
            .env_clear()
            // As in a container, and a source of secrets that is not there.
            .env("HTTP_LISTEN", format!("0.0.0.0:{port}"))
            .env("SECRET_FILE", "/nowhere")
            .current_dir("/")
            .status();
        asking.await.unwrap().code().unwrap()
    }

    /// Starts a process and does not wait for it.
    pub(crate) async fn launch(&self, part: Part) {
        let mut state = self.installation.state().unwrap();
        launch::start(&self.installation, &mut state, part)
            .await
            .unwrap();
    }

    /// Waits until a process has written this.
    pub(crate) async fn wait_for_log(&self, part: Part, text: &str) {
        let has_written = async || self.logged(part).contains(text);
        self.wait_until(text, has_written).await;
    }

    /// Everything that a process has written.
    pub(crate) fn logged(&self, part: Part) -> String {
        std::fs::read_to_string(self.installation.log(part)).unwrap_or_default()
    }

    /// Starts a process that may end before it is ready.
    pub(crate) async fn try_to_start(&self, part: Part) {
        let args = control::StartArgs { id: part };
        drop(control::start(args, &self.installation).await);
    }

    /// Says something to the bot on a server.
    pub(crate) async fn say(&self, user: &str, server: &str, text: &str) -> Trigger {
        let body = json!({
            "user": user, "server": server, "channel": "general", "content": text, "address": true,
        });
        self.post(&body).await
    }

    /// Says something on a server that addresses nobody.
    pub(crate) async fn mutter(&self, user: &str, server: &str, text: &str) -> Trigger {
        let body = json!({"user": user, "server": server, "channel": "general", "content": text});
        self.post(&body).await
    }

    /// Runs a slash command on a server and returns what it is answered with.
    pub(crate) async fn command(&self, user: &str, server: &str, line: &str) -> String {
        let place = Place::channel(user, &format!("{server}/general"));
        dev::command::once(&self.url, &place, line).await.unwrap()
    }

    /// Runs a slash command that opens a form, sends it, and returns what it is answered with.
    pub(crate) async fn fill(
        &self,
        user: &str,
        server: &str,
        line: &str,
        fields: &[(&str, &str)],
    ) -> String {
        let place = Place::channel(user, &format!("{server}/general"));
        let told = dev::command::with_form(&self.url, &place, line, fields).await;
        told.unwrap()
    }

    /// Says something in a direct message to a bot that nobody has set up there.
    pub(crate) async fn mutter_privately(&self, user: &str, text: &str) -> Trigger {
        let body = json!({"user": user, "dm": true, "content": text});
        self.post(&body).await
    }

    /// Runs `worker migrate` once more.
    pub(crate) async fn migrate(&self) {
        let mut command = self.installation.worker_command(&["migrate"]).unwrap();
        let output = command.output().await.unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{complaint}");
    }

    /// Starts one more gateway, with these settings instead of the first one's, and waits until it is
    /// ready. It ends with the value.
    pub(crate) async fn another_gateway(&self, settings: &[(&str, &str)]) -> OtherGateway {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        drop(listener);
        let mut state = self.installation.state().unwrap();
        let environment = self.installation.environment(&mut state, Part::Gateway);
        let child = tokio::process::Command::new(self.installation.binary("gateway"))
            .env_clear()
            .envs(environment.unwrap())
            .env("HTTP_LISTEN", &address)
            .envs(settings.iter().copied())
            .current_dir(self.installation.home())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let other = OtherGateway { address, child };
        let is_ready = async || {
            let ready = http::get(&format!("http://{}/readyz", other.address)).await;
            ready.is_ok_and(|(status, _)| status == 200)
        };
        self.wait_until("the other gateway is ready", is_ready)
            .await;
        other
    }

    /// Says something to the bot in a direct message.
    pub(crate) async fn say_privately(&self, user: &str, text: &str) -> Trigger {
        let body = json!({"user": user, "dm": true, "content": text});
        dev::command::set_up(&self.url, &Place::direct(user))
            .await
            .unwrap();
        self.post(&body).await
    }

    /// The same, where nobody has set anything up.
    pub(crate) async fn say_unprepared(&self, user: &str, text: &str) -> Trigger {
        self.post(&json!({"user": user, "dm": true, "content": text}))
            .await
    }

    /// The newest message of a channel that contains a text, once there is one.
    pub(crate) async fn find_text(&self, trigger: &Trigger, text: &str) -> Value {
        self.wait_for_text(trigger, text).await;
        let mut messages = self.messages(trigger).await.into_iter().rev();
        let found = messages.find(|message| message["content"].as_str().unwrap().contains(text));
        found.expect("it was there a moment ago")
    }

    pub(crate) async fn post(&self, body: &Value) -> Trigger {
        let said = http::post_json(&format!("{}/sandbox/messages", self.url), body)
            .await
            .unwrap();
        let text = |name: &str| said[name].as_str().unwrap().to_owned();
        Trigger {
            id: text("id"),
            channel: text("channel_id"),
        }
    }

    /// Waits until the record of each trigger is final.
    pub(crate) async fn answers(&self, triggers: Vec<Trigger>) -> Vec<Answer> {
        let asked = triggers.into_iter().map(|trigger| async {
            let record = self.explain(&trigger.id).await;
            Answer { trigger, record }
        });
        stream::iter(asked).buffered(4).collect().await
    }

    /// What is recorded about a message now, as its code; null: nothing.
    pub(crate) async fn fate(&self, trigger: &Trigger) -> Value {
        let (_, record) = self.operate(&["explain", &trigger.id]).await;
        record["code"].clone()
    }

    async fn explain(&self, message: &str) -> Value {
        let wait = REPLY_WAIT.as_millis().to_string();
        let arguments = ["explain", message, "--json", "--wait-ms", &wait];
        let output = self
            .installation
            .worker_command(&arguments)
            .unwrap()
            .output()
            .await
            .unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "message {message}: {complaint}{}",
            self.logs()
        );
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// The messages that the bot made, in the order in which the sandbox accepted them; a post that
    /// was recognised by its nonce made none.
    pub(crate) async fn posts(&self) -> Vec<Value> {
        let posts = http::get_json(&format!("{}/sandbox/posts", self.url))
            .await
            .unwrap();
        let posts = posts.as_array().unwrap().iter();
        posts
            .filter(|post| post["repeated"] == false)
            .cloned()
            .collect()
    }

    /// Waits until the bot has posted this often in all.
    pub(crate) async fn wait_for_posts(&self, count: usize) {
        let url = format!("{}/sandbox/posts?until={count}&wait_ms=20000", self.url);
        let posts = http::get_json(&url).await.unwrap();
        let posted = posts.as_array().unwrap().len();
        assert!(
            posted >= count,
            "{posted} posts instead of {count}{}",
            self.logs()
        );
    }

    /// The text of a message.
    pub(crate) async fn text(&self, message: &str) -> String {
        let url = format!("{}/sandbox/messages/{message}", self.url);
        http::get_json(&url).await.unwrap()["content"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// The sandbox's counters.
    pub(crate) async fn stats(&self) -> Value {
        http::get_json(&format!("{}/sandbox/stats", self.url))
            .await
            .unwrap()
    }

    /// Sends a signal to a process and waits for its end if the signal ends it.
    pub(crate) async fn signal(&self, part: Part, name: Name) {
        control::signal(&self.installation, part, name)
            .await
            .unwrap();
    }

    /// Starts a process again and waits until it is ready.
    pub(crate) async fn restart(&self, part: Part) {
        let args = control::StartArgs { id: part };
        control::start(args, &self.installation).await.unwrap();
    }

    /// Waits until a process says that it is ready.
    pub(crate) async fn wait_for_ready(&self, part: Part) {
        let state = self.installation.state().unwrap();
        launch::wait_until_ready(&self.installation, &state, part)
            .await
            .unwrap();
    }

    /// The processes that are there.
    pub(crate) fn alive(&self) -> Vec<Part> {
        self.installation.state().unwrap().alive()
    }

    /// Stops everything in order, which must work, and removes what it has on the servers. What was written stays
    /// until the run is over: it is searched for keys then.
    pub(crate) async fn leave(self) {
        let mut state = self.installation.state().unwrap();
        self.keep_metrics(&state).await;
        launch::stop_all(&self.installation, &mut state)
            .await
            .unwrap();
        let given = state.given.unwrap();
        let statement = format!("DROP DATABASE {} WITH (FORCE)", given.database.name);
        programs()
            .await
            .query(&self.server, &statement)
            .await
            .unwrap();
        if given.guard.is_some() {
            return;
        }
        let servers: Vec<&str> = given.nats_url.split(',').collect();
        let client = async_nats::connect(servers).await.unwrap();
        let jetstream = async_nats::jetstream::new(client);
        let names = proto::subject::Names::new(given.nats_prefix);
        for stream in [names.event_stream(), names.dead_letter_stream()] {
            self.keep_store(&stream);
            jetstream.delete_stream(stream).await.unwrap();
        }
        for bucket in [
            names.workers_bucket(),
            names.sessions_bucket(),
            names.identify_bucket(),
            names.privacy_bucket(),
        ] {
            jetstream.delete_key_value(bucket).await.unwrap();
        }
    }

    /// Writes down what the metrics of all processes say last.
    async fn keep_metrics(&self, state: &State) {
        for part in state.alive() {
            if let (true, Some(port)) = (part.has_admin_port(), state.port(part)) {
                let url = format!("http://127.0.0.1:{port}/metrics");
                let file = self.installation.log(part).with_extension("metrics");
                if let Ok((_, text)) = http::get(&url).await {
                    std::fs::write(file, text).unwrap();
                }
            }
        }
    }

    /// Copies what the broker has on disk of a stream, where that is `./dev test`'s broker.
    fn keep_store(&self, stream: &str) {
        let store = home()
            .join("servers/nats/jetstream/$G/streams")
            .join(stream);
        let kept = self.installation.home().join(stream);
        let Ok(entries) = std::fs::read_dir(store.join("msgs")) else {
            return;
        };
        for entry in entries {
            let file = entry.unwrap().path();
            std::fs::create_dir_all(&kept).unwrap();
            std::fs::copy(&file, kept.join(file.file_name().unwrap())).unwrap();
        }
    }

    fn logs(&self) -> String {
        let parts = self.installation.state().unwrap().wanted();
        let ends = parts
            .iter()
            .map(|part| launch::end_of_log(&self.installation, *part));
        ends.fold(String::new(), |all, end| all + "\n" + &end)
    }
}

/// A gateway beside that of an installation.
pub(crate) struct OtherGateway {
    address: String,
    child: tokio::process::Child,
}

impl OtherGateway {
    /// Sends it a signal that does not end it.
    pub(crate) fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id().unwrap()).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
    }

    /// A sample of its metrics, 0 when there is none.
    pub(crate) async fn metric(&self, sample: &str) -> f64 {
        let url = format!("http://{}/metrics", self.address);
        let (_, body) = http::get(&url).await.unwrap();
        let text = String::from_utf8(body.to_vec()).unwrap();
        let mut lines = text.lines().filter_map(|line| line.rsplit_once(' '));
        let found = lines.find(|(name, _)| *name == sample);
        found.map_or(0.0, |(_, value)| value.parse().unwrap())
    }
}

impl Drop for Town {
    fn drop(&mut self) {
        let Ok(state) = self.installation.state() else {
            return;
        };
        for identity in state.processes.values() {
            drop(identity.signal(Signal::KILL));
        }
        while state
            .processes
            .values()
            .any(|identity| identity.activity() != Activity::Gone)
        {
            std::thread::yield_now();
        }
    }
}

/// Every trigger was answered once, every message of the bot belongs to one of them, and in each
/// channel the replies came in the order of the triggers.
#[track_caller]
pub(crate) fn assert_each_answered_once(answers: &[Answer], posts: &[Value]) {
    for Answer { trigger, record } in answers {
        assert_eq!(record["code"], "accepted", "{trigger:?}: {record}");
        let turns = record["turns"].as_array().unwrap();
        assert_eq!(turns.len(), 1, "{trigger:?}: {record}");
        assert_eq!(turns[0]["state"], "done", "{trigger:?}: {record}");
        assert!(
            !turns[0]["posts"].as_array().unwrap().is_empty(),
            "{trigger:?}: {record}"
        );
    }
    let mut recorded: Vec<String> = answers.iter().flat_map(Answer::posts).collect();
    let made = posts
        .iter()
        .map(|post| post["message_id"].as_str().unwrap().to_owned());
    let mut made: Vec<String> = made.collect();
    recorded.sort();
    made.sort();
    assert_eq!(
        recorded, made,
        "recorded posts and messages that exist differ"
    );
    assert_in_order(answers, posts);
}

#[track_caller]
fn assert_in_order(answers: &[Answer], posts: &[Value]) {
    for channel in answers.iter().map(|answer| &answer.trigger.channel) {
        let mut here: Vec<&Answer> = answers
            .iter()
            .filter(|answer| answer.trigger.channel == *channel)
            .collect();
        here.sort_by_key(|answer| answer.trigger.id.parse::<u64>().unwrap());
        let expected: Vec<String> = here.iter().flat_map(|answer| answer.posts()).collect();
        let made: Vec<String> = posts
            .iter()
            .filter(|post| post["channel_id"] == **channel)
            .map(|post| post["message_id"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(
            made, expected,
            "replies of channel {channel} are out of order"
        );
    }
}

/// The server on which each test makes its database.
pub(crate) fn database_server() -> Database {
    Database::of_url(&variable("TEST_POSTGRES_URL")).unwrap()
}

/// The address of the broker that all tests share.
pub(crate) fn broker_url() -> String {
    variable("TEST_NATS_URL")
}

#[track_caller]
#[expect(
    clippy::disallowed_methods,
    reason = "the servers are named by the environment"
)]
fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run ./dev test"))
}

/// An installation of this checkout in a folder of its own.
pub(crate) fn installation_at(home: &Path) -> Installation {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let binaries = Path::new(env!("CARGO_BIN_EXE_tomori-dev"))
        .parent()
        .unwrap();
    Installation::with_binaries(&root, Some(home), binaries).unwrap()
}

#[expect(clippy::disallowed_methods, reason = "./dev test sweeps this folder")]
pub(crate) fn home() -> PathBuf {
    let home =
        std::env::var("TEST_HOME").unwrap_or_else(|_| env!("CARGO_TARGET_TMPDIR").to_owned());
    PathBuf::from(home)
}

async fn programs() -> Programs {
    Programs::find().await.unwrap()
}
