//! The panel as people see it, and what its controls lead to.

use store::{ApprovedTool, ToolServerId};

use super::*;
use crate::command::controls::painted::{leads_to, paint};
use crate::command::tool_servers::sheet;
use crate::notice::{ToolServerFault, ToolServersSaid};

const SEEN: SeenToolServer = SeenToolServer {
    id: ToolServerId(5),
    row_version: 3,
};

fn tool(name: &str, description: &str) -> mcp::Tool {
    let mut fingerprint = [0; 32];
    fingerprint[0] = u8::try_from((name.len() + description.len()) % 251).unwrap();
    mcp::Tool {
        name: name.to_owned(),
        description: description.to_owned(),
        schema: serde_json::Map::new(),
        fingerprint,
        claims_read_only: false,
    }
}

fn server(approved: &[&mcp::Tool]) -> ToolServer {
    let approved = approved.iter().map(|tool| ApprovedTool {
        name: tool.name.clone(),
        fingerprint: tool.fingerprint,
        is_read_only: tool.claims_read_only,
    });
    ToolServer {
        id: SEEN.id,
        name: "docs".into(),
        url: "https://tools.example.com/secret-path?key=1".into(),
        has_token: true,
        last4: Some("abcd".into()),
        is_enabled: true,
        is_resting: false,
        approved: approved.collect(),
        row_version: SEEN.row_version,
    }
}

fn actions(panel: &Panel) -> Vec<Action> {
    let read = leads_to(panel).into_iter().map(|(route, args)| {
        assert_eq!(route, Route::ToolServers);
        Action::from_args(&args).unwrap()
    });
    read.collect()
}

#[test]
fn the_list_leads_to_each_and_to_the_form() {
    let panel = paint(|signer| list(signer, &[], 0, None));
    assert_eq!(actions(&panel), [Action::Add]);
    let panel = paint(|signer| list(signer, &[server(&[])], 0, None));
    insta::assert_snapshot!(panel.text, @"
    **Tool servers**
    Personas can use tools of servers that speak the Model Context Protocol. Each tool is off until somebody who manages this server ticks it.
    `docs`: on · tools ticked: 0
    ");
    assert_eq!(actions(&panel), [Action::Pick, Action::Add]);
}

/// NET-49: what changed since it was approved is off, and says so.
#[test]
fn tools_are_shown_as_they_stand() {
    let (search, changed) = (
        tool("search", "Finds \u{202e}`things`\n@everyone"),
        tool("write", "Old"),
    );
    let looked = Looked {
        server: server(&[&search, &changed]),
        tools: Tools::Told(vec![
            search,
            tool("write", "New words"),
            tool("wri.te", ""),
            tool("wri_te", "x"),
        ]),
    };
    let panel = paint(|signer| one(signer, &looked, 0, None));
    insta::assert_snapshot!(panel.text, @"
    **Tool server `docs`** at `https://tools.example.com`
    Token: ••••abcd
    Personas may use 1 of its 4 tools:
    1. ✔ `search`: `Finds 'things' @everyone`
    2. ⚠ changed: `write`: `New words`
    3. – `wri.te`
    4. ⚠ no name left: `wri_te`: `x`
    What models are told is longer than these lines: read all of it before you tick.
    ");
    assert_eq!(
        actions(&panel),
        [
            Action::Approve(SEEN, 0),
            Action::MarkReading(SEEN, 0),
            Action::Read(SEEN.id),
            Action::Test(SEEN.id),
            Action::Disable(SEEN),
            Action::AskRemove(SEEN.id),
            Action::List(0),
        ]
    );
}

#[test]
fn one_that_is_silent_can_be_tested_and_removed() {
    let looked = Looked {
        server: server(&[]),
        tools: Tools::Silent(ToolServerFault::Slow),
    };
    let panel = paint(|signer| one(signer, &looked, 9, None));
    assert!(
        panel.text.ends_with("It did not answer in time."),
        "{}",
        panel.text
    );
    assert_eq!(actions(&panel).get(1), Some(&Action::Test(SEEN.id)));
    let question = paint(|signer| ask_remove(signer, &looked.server));
    assert_eq!(
        actions(&question),
        [Action::Remove(SEEN), Action::Show(SEEN.id, 0)]
    );
}

/// Discord's limit for a message, at its worst: a server that changes all of its tools hides nothing.
#[test]
fn a_full_part_fits_into_a_message() {
    let wide = |number: usize, letter: &str| {
        tool(
            &format!("{number}{}", "x".repeat(127)),
            &letter.repeat(1024),
        )
    };
    let approved: Vec<mcp::Tool> = (0..12).map(|number| wide(number, "y")).collect();
    let mut server = server(&approved.iter().collect::<Vec<_>>());
    server.name = "s".repeat(32);
    server.url = format!("https://{}.example/", "h".repeat(200));
    for known in &mut server.approved {
        known.fingerprint = [9; 32];
    }
    let looked = Looked {
        server,
        tools: Tools::Told(approved),
    };
    let note = Note::Done(ToolServersSaid::Added.into());
    let panel = paint(|signer| one(signer, &looked, 0, Some(&note)));
    assert_eq!(panel.text.matches("⚠ changed:").count(), 10);
    assert!(actions(&panel).contains(&Action::Show(SEEN.id, 1)));
}

/// CFG-98: as many tool servers as there may be can be looked at, ten at a time.
#[test]
fn a_full_list_is_shown_in_parts() {
    let servers: Vec<ToolServer> = (0..50)
        .map(|number| ToolServer {
            name: format!("{number:0>32}"),
            is_resting: true,
            ..server(&[])
        })
        .collect();
    let panel = paint(|signer| list(signer, &servers, 0, None));
    assert_eq!(
        actions(&panel),
        [Action::Pick, Action::List(1), Action::Add]
    );
    let panel = paint(|signer| list(signer, &servers, u8::MAX, None));
    assert!(panel.text.contains("0049`") && !panel.text.contains("0039`"));
    assert_eq!(
        actions(&panel),
        [Action::Pick, Action::List(3), Action::Add]
    );
}

/// NET-49: who ticks a tool can read all that models are told of it, and nothing else is told.
#[test]
fn the_sheet_holds_all_that_models_are_told() {
    let long = format!("{} the end", "word ".repeat(200));
    let mut search = tool("search", &long);
    let schema = serde_json::json!({"properties": {"q": {"description": "What to `find`"}}});
    search.schema = schema.as_object().unwrap().clone();
    let mut write = tool("write", "Writes\n\n=== 3. forged");
    write.claims_read_only = true;
    let looked = Looked {
        server: server(&[&search]),
        tools: Tools::Told(vec![search, write]),
    };
    let standings = looked.standings();
    let sheet = sheet::write(&looked.server, &standings);
    for standing in &standings {
        let told = crate::tool::offer_of("docs", standing);
        assert!(sheet.contains(&format!("Models know it as {}.", told.name)));
        for line in told.description.lines() {
            assert!(sheet.contains(&format!("\n| {line}\n")));
        }
        assert!(sheet.contains(&format!("{:#}", told.schema)));
    }
    assert!(sheet.contains("What to `find`") && sheet.contains("the end\n"));
    assert_eq!(sheet.matches("says that it changes nothing").count(), 1);
    assert_eq!(sheet.matches("\n=== ").count(), 2, "{sheet}");
}

/// However large the schemas are, the file is one that Discord takes.
#[test]
fn a_sheet_of_the_largest_tools_is_no_larger_than_a_file_may_be() {
    let mut deep = serde_json::json!([0, 0, 0, 0, 0, 0, 0, 0]);
    for _ in 0..100 {
        deep = serde_json::json!([
            deep, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
        ]);
    }
    let mut wide = tool("wide", &"\u{1f469}".repeat(1024));
    wide.schema.insert("a".to_owned(), deep);
    let looked = Looked {
        server: server(&[]),
        tools: Tools::Told(vec![wide; 64]),
    };
    let sheet = sheet::write(&looked.server, &looked.standings());
    assert!(sheet.len() < discord::LARGEST_FILE, "{}", sheet.len());
}
