//! `worker url-check`: judges URLs as requests do, one line for each.
//!
//! A line is the URL as it was given, the verdict, the code and the addresses that decided, parted by
//! tabs (SEC-51). It is for operators: people on Discord see the code alone.

use std::io::BufRead as _;
use std::net::SocketAddr;

use fetch::{Guard, Policy, Refusal, Trust};

use crate::config::RemoteSettings;

/// What is judged, and how.
#[derive(Debug, clap::Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub struct Args {
    /// The URLs; read from standard input, one a line, if there are none.
    urls: Vec<String>,
    /// Look no name up: judge what the text alone tells.
    #[arg(long, conflicts_with = "dns_server")]
    no_dns: bool,
    /// Each URL is the body of a JSON string, with its escapes.
    #[arg(long)]
    escaped: bool,
    /// Take http for as good as https.
    #[arg(long)]
    allow_http: bool,
    /// Judge as for everybody else than a server's administrators, whose endpoints may be local where
    /// settings say so.
    #[arg(long)]
    strict: bool,
    /// Ask this name server (address:port) instead of the usual ones.
    #[arg(long)]
    dns_server: Option<SocketAddr>,
}

/// Judges every URL.
///
/// # Errors
/// Standard input cannot be read, or there is no name server.
pub async fn run(
    args: &Args,
    mut settings: RemoteSettings,
    print: &(dyn Fn(&str) + Sync),
) -> anyhow::Result<()> {
    settings.policy.allow_http = args.allow_http;
    let settings = match args.dns_server {
        Some(server) => settings.with_dns_server(server),
        None => settings,
    };
    let judge = if args.no_dns {
        Judge::Text(settings.policy)
    } else {
        Judge::Whole(Box::new(settings.guard()?))
    };
    for line in lines(args)?.iter().filter(|line| !line.is_empty()) {
        print(&judge.verdict(line, args).await);
    }
    Ok(())
}

fn lines(args: &Args) -> anyhow::Result<Vec<String>> {
    if !args.urls.is_empty() {
        return Ok(args.urls.clone());
    }
    let lines = std::io::stdin().lock().split(b'\n');
    let lines = lines.map(|line| Ok(String::from_utf8_lossy(&line?).into_owned()));
    lines.collect()
}

/// Who judges: by the text alone, or with what name servers say.
enum Judge {
    Text(Policy),
    Whole(Box<Guard>),
}

impl Judge {
    /// What is printed of a URL.
    async fn verdict(&self, line: &str, args: &Args) -> String {
        let url = if args.escaped {
            // What is no such body is no URL either.
            serde_json::from_str(&format!("\"{line}\"")).unwrap_or_default()
        } else {
            line.to_owned()
        };
        let trust = if args.strict {
            Trust::Stranger
        } else {
            Trust::Administrator
        };
        // Only an argument can have more than one line.
        let shown = line.replace('\n', "\\n");
        match self.judge(&url, trust).await {
            Ok((code, addresses)) => format!("{shown}\tallow\t{code}\t{addresses}"),
            Err(refusal) => format!("{shown}\trefuse\t{refusal}\t{}", reason(refusal)),
        }
    }

    /// The code of what is allowed, and its addresses.
    async fn judge(&self, url: &str, trust: Trust) -> Result<(&'static str, String), Refusal> {
        match self {
            Self::Text(policy) => Ok(match policy.check_text(url, trust)? {
                Some(address) => ("OK", address.ip().to_string()),
                None => ("SYNTAX_ONLY", "-".to_owned()),
            }),
            Self::Whole(guard) => {
                let approved = guard.approve(url, trust).await?;
                let addresses = approved.addresses().iter().map(|at| at.ip().to_string());
                Ok(("OK", addresses.collect::<Vec<_>>().join(",")))
            }
        }
    }
}

/// The address that was refused, and of how many.
fn reason(refusal: Refusal) -> String {
    match refusal.address {
        Some(address) if refusal.address_count > 1 => {
            format!("{address} (of {})", refusal.address_count)
        }
        Some(address) => address.to_string(),
        None => "-".to_owned(),
    }
}
