//! Slash commands, panels and forms: what each use of one is answered with.
//!
//! Deciding is apart from doing. [`plan`] makes the first answer, which claims the interaction,
//! and reads at most; [`finish`] does the work that the claim allows and makes the final answer.
//! Nothing is remembered between two uses, so any worker answers any of them (CMD-5).

mod answer;
mod args;
mod asker;
pub(crate) mod catalogue;
mod component;
mod controls;
pub(crate) mod cooldown;
pub(crate) mod details;
mod form;
mod kill;
mod live_check;
mod memory;
pub(crate) mod offer;
mod personal_data;
mod personal_provider;
mod personal_settings;
mod ping;
mod portable;
pub(crate) mod privacy;
mod provider_keys;
mod provider_services;
mod reading;
pub(crate) mod respond;
mod restriction;
mod rules;
mod server_data;
mod setup;
mod tool_servers;
mod why;

use proto::event::{Interaction, InteractionType};
use proto::id::InteractionId;
use store::ReservedUse;

pub(crate) use self::answer::{After, Finished, Panel, Plan};
use self::asker::Asker;
use self::catalogue::{Command, Needs};
use self::component::{ComponentId, Rejected, Route};
use crate::app::App;
use crate::notice::{Notice, RestrictionText, ServerDataText};

/// Decides about the use of a command, button, menu or form at this Unix time in milliseconds.
///
/// Cancel safe: yes, it only reads.
pub(crate) async fn plan(app: &App, interaction: Interaction, now_ms: u64) -> Plan {
    let asker = Asker::of(&interaction);
    let planned = match interaction.r#type() {
        InteractionType::Command => run_command(app, &asker, &interaction, now_ms).await,
        InteractionType::Component | InteractionType::Modal => {
            use_component(app, asker, interaction).await
        }
        InteractionType::Autocomplete => Ok(Plan::no_suggestions()),
        InteractionType::Unspecified => Err(Notice::UnknownCommand),
    };
    planned.unwrap_or_else(|notice| Plan::say(&notice))
}

/// Does what the claimed interaction asks for, and returns what its answer becomes.
///
/// Cancel safe: no; dropped midway it may have saved without telling.
pub(crate) async fn finish(app: &App, after: After) -> Finished {
    match after {
        After::Memory(order) => memory::finish(app, *order).await.into(),
        After::ExportPerson(export) => personal_data::export::finish(app, export).await,
        After::DeletePerson(deletion) => personal_data::finish(app, deletion).await.into(),
        After::DeleteServer(deletion) => server_data::finish(app, deletion).await.into(),
        After::PersonalProvider(order) => personal_provider::finish(app, *order).await.into(),
        After::PersonalSettings(choice) => personal_settings::finish(app, choice).await.into(),
        After::Portable(order) => portable::finish(app, *order).await,
        After::ProviderKeys(order) => provider_keys::finish(app, *order).await.into(),
        After::ProviderServices(order) => provider_services::finish(app, *order).await.into(),
        After::Restrict(order) => restriction::finish(app, *order).await.into(),
        After::SetRules(order) => rules::finish(app, *order).await.into(),
        After::ToolServers(order) => tool_servers::finish(app, *order).await,
        After::SetUp(submission) => setup::finish(app, *submission).await.into(),
        After::Respond(order) => Finished {
            panel: order.panel(),
            files: Vec::new(),
            counted: None,
            order: Some(order),
            then: None,
        },
        After::Kill(order) => Panel::say(&kill::finish(app, order).await).into(),
        After::SetPrivacy(choice) => privacy::finish(app, choice).await,
        After::Hide(hiding, also) => privacy::wait(app, hiding, &also).await,
        After::Why(question) => Panel::say(&why::finish(app, question).await).into(),
    }
}

/// Returns what is said instead of an archive that Discord did not take.
pub(crate) async fn not_taken(app: &App, archive: ReservedUse) -> Panel {
    personal_data::export::not_taken(app, archive).await
}

/// Returns what is shown while the work takes its time; `None` where the client shows that itself.
pub(crate) fn waiting(app: &App, after: &After) -> Option<Panel> {
    match after {
        After::PersonalProvider(order) => personal_provider::waiting(app, order),
        After::ProviderKeys(order) => provider_keys::waiting(app, order),
        After::ProviderServices(order) => provider_services::waiting(app, order),
        After::ToolServers(order) => tool_servers::waiting(app, order),
        After::DeletePerson(_)
        | After::DeleteServer(_)
        | After::ExportPerson(_)
        | After::Memory(_)
        | After::PersonalSettings(_)
        | After::Portable(_)
        | After::Restrict(_)
        | After::SetRules(_)
        | After::SetUp(_)
        | After::Respond(_)
        | After::Kill(_)
        | After::SetPrivacy(_)
        | After::Hide(..)
        | After::Why(_) => None,
    }
}

async fn run_command(
    app: &App,
    asker: &Asker,
    interaction: &Interaction,
    now_ms: u64,
) -> Result<Plan, Notice> {
    let entry = catalogue::find(&interaction.command_path).ok_or(Notice::UnknownCommand)?;
    cooldown::pass(app, asker, interaction).await?;
    permit(asker, entry.needs)?;
    match entry.command {
        Command::Respond => respond::plan(app, asker, interaction).await,
        Command::Kill => Ok(Plan::defer(After::Kill(kill::order(asker, interaction)))),
        Command::Memory(about, doing) => {
            memory::open(app, asker, interaction, (about, doing)).await
        }
        Command::ExportPerson => Ok(personal_data::export::order(asker, interaction)),
        Command::DeletePerson => personal_data::open_delete(app, asker).await,
        Command::DeleteServer => server_data::open(app, asker).await,
        Command::Block => restriction::block(app, asker, interaction).await,
        Command::Blacklist => restriction::blacklist(asker, interaction),
        Command::Restrictions => restriction::open(app, asker).await,
        Command::PersonalSettings => personal_settings::open(app, asker).await,
        Command::Portable(shelf, what) => {
            portable::open(app, asker, interaction, (shelf, what)).await
        }
        Command::Cooldown => rules::cooldown(asker, interaction),
        Command::SetQuota => rules::quota(app, asker, interaction).await,
        Command::ResetQuota => rules::reset_quota(asker, interaction),
        Command::Limits => rules::limits(app, asker, interaction).await,
        Command::Whitelist => rules::whitelist(app, asker, interaction).await,
        Command::PersonalProvider => personal_provider::open(app, asker).await,
        Command::ProviderKeys => provider_keys::open(app, asker).await,
        Command::ProviderServices => provider_services::open(app, asker).await,
        Command::AddToolServer => tool_servers::open_form(app, asker),
        Command::ToolServers => tool_servers::open(app, asker).await,
        Command::Setup => setup::open(app, asker).await,
        Command::Privacy => privacy::open(app, asker).await,
        Command::Why => Ok(Plan::defer(After::Why(why::question(asker, interaction)?))),
        Command::Ping => {
            let created_ms = InteractionId(interaction.interaction_id).created_at_ms();
            let pong = ping::pong(created_ms, interaction.received_at_ms, now_ms);
            Ok(Plan::say(&pong))
        }
    }
}

/// Checks the permission anew at every step: it may have been taken away since the panel was
/// opened (SEC-61).
async fn use_component(
    app: &App,
    asker: Asker,
    mut interaction: Interaction,
) -> Result<Plan, Notice> {
    let id = ComponentId::verify(
        &interaction.custom_id,
        &app.keys.get(),
        asker.tenant,
        asker.user,
        asker.asked_at_secs(),
    )
    .map_err(rejection)?;
    if app.settings.guards.commands.limits_presses {
        app.hurry.pass(asker.user).await?;
    }
    permit(&asker, needs(id.route))?;
    match id.route {
        Route::ReplaceKey => setup::replace(app, &asker),
        Route::PickProvider => setup::pick(app, &asker, &id.args, &interaction.values),
        Route::AskKey => setup::ask(app, &asker, &id.args),
        Route::TakeKey => setup::take(asker, &id.args, std::mem::take(&mut interaction.fields)),
        Route::Memory => memory::use_component(app, asker, &id.args, interaction).await,
        Route::PersonalData => {
            personal_data::use_component(app, &asker, &id.args, interaction).await
        }
        Route::ServerData => server_data::use_component(app, &asker, &id.args, interaction).await,
        Route::Restrictions => restriction::use_component(app, asker, &id.args, &interaction).await,
        Route::Rules => rules::use_component(app, asker, &id.args, &interaction).await,
        Route::PersonalProvider => {
            personal_provider::use_component(app, asker, &id.args, interaction).await
        }
        Route::PersonalSettings => {
            personal_settings::take(&asker, std::mem::take(&mut interaction.fields))
        }
        Route::Portable => portable::use_component(asker, &id.args, interaction),
        Route::ProviderKeys => {
            provider_keys::use_component(app, asker, &id.args, interaction).await
        }
        Route::ProviderServices => {
            provider_services::use_component(app, asker, &id.args, interaction).await
        }
        Route::ToolServers => tool_servers::use_component(app, asker, &id.args, interaction).await,
        Route::FixKey => setup::open(app, &asker).await,
        Route::Details => details::show(app, &asker, &id.args).await,
        Route::TakeLevel => privacy::take(&asker, &interaction.fields),
    }
}

const fn needs(route: Route) -> Needs {
    match route {
        Route::ReplaceKey
        | Route::PickProvider
        | Route::AskKey
        | Route::TakeKey
        | Route::FixKey
        | Route::ProviderKeys
        | Route::ProviderServices
        | Route::Restrictions
        | Route::Rules
        | Route::ToolServers => Needs::ManageGuild,
        Route::TakeLevel => Needs::Nothing,
        // What is shown there depends on who asks.
        Route::Details | Route::Memory | Route::PersonalProvider => Needs::Nothing,
        Route::PersonalData | Route::PersonalSettings | Route::Portable => Needs::Nothing,
        Route::ServerData => Needs::Administrator,
    }
}

fn permit(asker: &Asker, needs: Needs) -> Result<(), Notice> {
    match needs {
        Needs::Nothing => Ok(()),
        Needs::ManageGuild if asker.may_manage() => Ok(()),
        Needs::ManageGuild => Err(Notice::NeedsManageGuild),
        Needs::Administrator if asker.may_end_everything() => Ok(()),
        Needs::Administrator => Err(ServerDataText::NeedsAdministrator.into()),
        Needs::ModerateMembers if asker.may_moderate_members() => Ok(()),
        Needs::ModerateMembers => Err(RestrictionText::NeedsModerateMembers.into()),
    }
}

fn rejection(rejected: Rejected) -> Notice {
    match rejected {
        Rejected::Unknown => Notice::UnknownControl,
        Rejected::Foreign => Notice::ForeignControl,
        Rejected::Expired => Notice::ExpiredControl,
    }
}
