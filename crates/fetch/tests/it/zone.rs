//! A name server of a few names, over UDP: answers what a fixture says, and remembers what was asked.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use tokio::net::UdpSocket;
use tokio::task::JoinSet;

/// Numbers of record types (RFC 1035, RFC 3596).
const A: u16 = 1;
const CNAME: u16 = 5;
const AAAA: u16 = 28;
/// Longer chains are not followed.
const LONGEST_CHAIN: usize = 16;

/// The running server; dropping it ends it.
pub(crate) struct Zone {
    pub(crate) address: SocketAddr,
    asked: Arc<Mutex<Vec<(String, u16)>>>,
    _task: JoinSet<()>,
}

/// The records: by name, then kind and value. `A#2` is what the second question for `A` gets.
#[derive(Clone, Default)]
pub(crate) struct Records(HashMap<String, Vec<(String, String)>>);

impl Records {
    /// Reads the lines of a fixture that begin with `#DNS`.
    pub(crate) fn from_fixture(text: &str) -> Self {
        let mut records = Self::default();
        for line in text.lines().filter_map(|line| line.strip_prefix("#DNS\t")) {
            let mut columns = line.split('\t');
            let mut column = || columns.next().unwrap_or_default();
            let (name, kind, value) = (column(), column(), column());
            records = records.with(name, kind, value);
        }
        records
    }

    /// Adds a record.
    pub(crate) fn with(mut self, name: &str, kind: &str, value: &str) -> Self {
        let of_name = self.0.entry(name.to_owned()).or_default();
        of_name.push((kind.to_owned(), value.to_owned()));
        self
    }
}

impl Zone {
    pub(crate) async fn serve(records: Records) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut buffer = [0; 1500];
            while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
                let Some(question) = Question::parse(&buffer[..length]) else {
                    continue;
                };
                let round = question.count(&log);
                if let Some(answer) = question.answer(&records, round) {
                    socket.send_to(&answer, from).await.unwrap();
                }
            }
        });
        Self {
            address,
            asked,
            _task: task,
        }
    }

    /// How often a name was asked for, with either kind of address.
    pub(crate) fn times_asked(&self, name: &str) -> usize {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|(known, _)| known == name).count()
    }
}

struct Question {
    /// Id and the question itself, as they came.
    id: [u8; 2],
    raw: Vec<u8>,
    name: String,
    kind: u16,
}

impl Question {
    fn parse(message: &[u8]) -> Option<Self> {
        let mut labels = Vec::new();
        let mut at = 12;
        loop {
            let length = usize::from(*message.get(at)?);
            at += 1;
            if length == 0 {
                break;
            }
            let label = message.get(at..at + length)?;
            labels.push(String::from_utf8_lossy(label).to_ascii_lowercase());
            at += length;
        }
        let kind = message.get(at..at + 2)?;
        Some(Self {
            id: [message[0], message[1]],
            raw: message.get(12..at + 4)?.to_vec(),
            name: labels.join("."),
            kind: u16::from_be_bytes([kind[0], kind[1]]),
        })
    }

    /// Notes the question, and tells how often it was asked by now.
    fn count(&self, log: &Mutex<Vec<(String, u16)>>) -> usize {
        let mut log = log.lock().unwrap();
        let question = (self.name.clone(), self.kind);
        log.push(question.clone());
        log.iter().filter(|known| **known == question).count()
    }

    /// The answer's bytes; `None` for silence. `round` counts equal questions from 1.
    fn answer(&self, records: &Records, round: usize) -> Option<Vec<u8>> {
        let mut rcode = 0;
        let mut answers = Vec::new();
        let mut name = self.name.clone();
        for _ in 0..LONGEST_CHAIN {
            let Some(found) = records.0.get(&name) else {
                rcode = 3;
                break;
            };
            let has = |kind: &str| found.iter().any(|(known, _)| known == kind);
            match () {
                () if has("TIMEOUT") => return None,
                () if has("SERVFAIL") => rcode = 2,
                () if has("NXDOMAIN") => rcode = 3,
                () => {}
            }
            let alias = found.iter().find(|(kind, _)| kind == "CNAME");
            let Some((_, target)) = alias else {
                answers.extend(self.addresses(&name, found, round));
                break;
            };
            answers.push(record(&name, CNAME, &encode(target)));
            name.clone_from(target);
        }
        let mut message = vec![self.id[0], self.id[1], 0x81, 0x80 | rcode, 0, 1, 0];
        message.push(u8::try_from(answers.len()).unwrap());
        message.extend([0, 0, 0, 0]);
        message.extend(&self.raw);
        message.extend(answers.concat());
        Some(message)
    }

    fn addresses(&self, name: &str, found: &[(String, String)], round: usize) -> Vec<Vec<u8>> {
        let kind = if self.kind == AAAA { "AAAA" } else { "A" };
        let last = found
            .iter()
            .filter(|(known, _)| known.starts_with(&format!("{kind}#")));
        let round = round.min(last.count());
        let is_now = |known: &str| known == kind || known == format!("{kind}#{round}");
        let values = found.iter().filter(|(known, _)| is_now(known));
        let addresses = values.map(|(_, value)| value.parse::<IpAddr>().unwrap());
        let bytes = addresses.filter_map(|address| match (address, self.kind) {
            (IpAddr::V4(address), A) => Some(record(name, A, &address.octets())),
            (IpAddr::V6(address), AAAA) => Some(record(name, AAAA, &address.octets())),
            _ => None,
        });
        bytes.collect()
    }
}

/// A record that nobody may keep: its time to live is 0.
fn record(name: &str, kind: u16, value: &[u8]) -> Vec<u8> {
    let mut record = encode(name);
    record.extend(kind.to_be_bytes());
    record.extend([0, 1, 0, 0, 0, 0]);
    record.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
    record.extend(value);
    record
}

fn encode(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in name.split('.') {
        bytes.push(u8::try_from(label.len()).unwrap());
        bytes.extend(label.bytes());
    }
    bytes.push(0);
    bytes
}
