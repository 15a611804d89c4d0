//! Alerts of a server: dialogues with the user, and those that have nothing to do with a tree (DM Protocol 1.2, "User
//! interaction commands").

use super::super::syncml::{Alert, Data, Item};
use super::faults::Fault;
use super::messages::Done;
use super::{Device, User};

/// The alert with which a server asks for the next message.
const NEXT_MESSAGE: u16 = 1222;

impl Device<'_> {
    /// Carries out an alert.
    pub(super) fn alert(&self, done: Done, alert: &Alert) -> Done {
        // Options and text; choices for the last two.
        let wanted = match alert.code {
            1100..=1102 => 2,
            1103 | 1104 => 3,
            NEXT_MESSAGE => return done,
            0 => return done.refused(Fault::Incomplete.because("the alert has no code")),
            code => {
                return done.refused(Fault::NotSupported.because(format!("the device does nothing at alert {code}")));
            }
        };
        if alert.items.len() < wanted {
            let why = format!("alert {} has {} Items, it needs {wanted}", alert.code, alert.items.len());
            return done.refused(Fault::Incomplete.because(why));
        }
        let replies = || default_replies(alert);
        match (self.abilities.user, alert.code) {
            (User::Absent, _) => done.refused(Fault::NotSupported.because("the device has no dialogues")),
            (User::IsAway, 1100) | (User::Agrees | User::Refuses, 1100) => done,
            (User::Agrees, _) => Done { replies: replies(), ..done },
            (User::IsAway, _) => {
                Done { replies: replies(), ..done.refused(Fault::NoReply.because("the user did not reply in time")) }
            }
            (User::Refuses, _) => done.refused(Fault::Refused.because("the user said no")),
            (User::Cancels, _) => done.refused(Fault::Cancelled.because("the user cancelled the dialogue")),
        }
    }
}

/// Returns what the options of a dialogue say that the reply is where the user says nothing else (`DR=`). A text has one,
/// choices have their numbers, several joined by `-`.
fn default_replies(alert: &Alert) -> Vec<String> {
    let options = alert.items.first().map(text).unwrap_or_default();
    let default = options.split('&').find_map(|option| option.strip_prefix("DR="));
    match (alert.code, default) {
        (1102 | 1103, Some(default)) => vec![default.to_owned()],
        (1104, Some(default)) => default.split('-').map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

fn text(item: &Item) -> &str {
    item.data.as_ref().and_then(Data::text).unwrap_or_default()
}
