//! What can be done in the panel, as the ids of its controls say it.

use llm::Service;
use store::ServiceKeyId;

use crate::command::args::{Reading, Written};

/// A key as the panel showed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) key: ServiceKeyId,
    pub(super) row_version: i32,
}

/// What a control asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Show the panel.
    Show,
    /// Open the form for a first key.
    Enter(Service),
    /// Take what was typed into it.
    Take(Service),
    /// Open the form for another key than the one that was shown.
    Replace(Service, Seen),
    /// Take what was typed into it.
    TakeOther(Service, Seen),
    /// Ask the service whether it takes the key.
    Test(Service),
    /// Ask whether to remove the key.
    AskRemove(Service),
    /// Remove the key that was shown.
    Remove(Seen),
}

impl Action {
    /// Returns the arguments of a control that asks for this.
    pub(super) fn to_args(self) -> Vec<u8> {
        match self {
            Self::Show => Written::new(b's').done(),
            Self::Enter(service) => of_service(b'e', service).done(),
            Self::Take(service) => of_service(b'E', service).done(),
            Self::Replace(service, seen) => of_key(of_service(b'p', service), seen),
            Self::TakeOther(service, seen) => of_key(of_service(b'P', service), seen),
            Self::Test(service) => of_service(b't', service).done(),
            Self::AskRemove(service) => of_service(b'r', service).done(),
            Self::Remove(seen) => of_key(Written::new(b'R'), seen),
        }
    }

    /// Reads such arguments.
    pub(super) fn from_args(args: &[u8]) -> Option<Self> {
        let mut args = Reading::new(args);
        let action = match args.byte()? {
            b's' => Self::Show,
            b'e' => Self::Enter(service(&mut args)?),
            b'E' => Self::Take(service(&mut args)?),
            b'p' => Self::Replace(service(&mut args)?, key(&mut args)?),
            b'P' => Self::TakeOther(service(&mut args)?, key(&mut args)?),
            b't' => Self::Test(service(&mut args)?),
            b'r' => Self::AskRemove(service(&mut args)?),
            b'R' => Self::Remove(key(&mut args)?),
            _ => return None,
        };
        args.all(action)
    }
}

/// Names a service by a byte, which is never given another meaning.
fn of_service(tag: u8, service: Service) -> Written {
    Written::new(tag).byte(byte(service))
}

const fn byte(service: Service) -> u8 {
    match service {
        Service::BraveSearch => b'b',
    }
}

fn of_key(args: Written, seen: Seen) -> Vec<u8> {
    args.row(seen.key.0).version(seen.row_version).done()
}

fn service(args: &mut Reading<'_>) -> Option<Service> {
    let named = args.byte()?;
    Service::ALL
        .into_iter()
        .find(|service| byte(*service) == named)
}

fn key(args: &mut Reading<'_>) -> Option<Seen> {
    Some(Seen {
        key: ServiceKeyId(args.row()?),
        row_version: args.version()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::args::assert_read_back;

    #[test]
    fn every_action_is_read_back_and_fits_into_an_id() {
        let seen = Seen {
            key: ServiceKeyId(i64::MAX),
            row_version: i32::MAX,
        };
        for service in Service::ALL {
            let actions = [
                Action::Show,
                Action::Enter(service),
                Action::Take(service),
                Action::Replace(service, seen),
                Action::TakeOther(service, seen),
                Action::Test(service),
                Action::AskRemove(service),
                Action::Remove(seen),
            ];
            assert_read_back(&actions, Action::to_args, Action::from_args);
        }
    }
}
