//! How a push is handed to a push proxy gateway: options that several commands share.

use clap::{Args, ValueEnum};
use impskit::delivery::pap::{self, Submission, Version};
use impskit::delivery::sms::Address;
use impskit::delivery::wsp::Push;
use impskit::diagnose::Report;
use impskit::error::{Error, Result};

use super::Ui;
use super::form::Made;

/// How a push is handed to a push proxy gateway.
#[derive(Debug, Args)]
#[command(next_help_heading = "PAP")]
pub(crate) struct PapOptions {
    /// The name of the message; made of number, document and seal where absent
    #[arg(long, value_name = "ID")]
    push_id: Option<String>,
    /// When the message is worth nothing any more: `2027-12-31T00:00:00Z`
    #[arg(long, value_name = "TIME", value_parser = time)]
    deliver_before: Option<String>,
    /// The host name of the gateway, as it stands behind the number
    #[arg(long, value_name = "HOST", value_parser = host, default_value = "ppg")]
    ppg: String,
    /// The edition of the protocol
    #[arg(long, value_name = "VERSION", default_value = "1.0")]
    pap_version: Edition,
}

fn time(text: &str) -> std::result::Result<String, String> {
    pap::check_time(text).map(|()| text.to_owned()).map_err(|_| "write it as 2027-12-31T00:00:00Z".to_owned())
}

fn host(text: &str) -> std::result::Result<String, String> {
    pap::check_host(text).map(|()| text.to_owned()).map_err(|_| "write it as ppg.example.net".to_owned())
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Edition {
    /// WAP Forum, 1.0
    #[value(name = "1.0")]
    V1_0,
    /// WAP Forum, 2.0
    #[value(name = "2.0")]
    V2_0,
    /// OMA, 2.1
    #[value(name = "2.1")]
    V2_1,
}

impl From<Edition> for Version {
    fn from(edition: Edition) -> Self {
        match edition {
            Edition::V1_0 => Self::V1_0,
            Edition::V2_0 => Self::V2_0,
            Edition::V2_1 => Self::V2_1,
        }
    }
}

impl PapOptions {
    /// Makes the submission of a push PDU to a number.
    pub(crate) fn make(&self, to: &Address, push: &[u8]) -> Result<Made> {
        let to = to.to_string();
        let push = Push::read(push, &mut Report::new()).ok_or_else(|| Error::input("the push cannot be read"))?;
        let own = self.push_id.is_none().then(|| pap::push_id(&to, &push));
        let submission = Submission {
            version: self.pap_version.into(),
            push_id: self.push_id.as_deref().or(own.as_deref()).unwrap_or_default(),
            to: &to,
            gateway: &self.ppg,
            deliver_before: self.deliver_before.as_deref(),
        };
        pap::write(&submission, &push).map(Made::Posted)
    }
}

/// Tells what the gateway must be told, and what it may do to the message.
pub(crate) fn advise(content_type: &str, ui: &mut Ui) {
    ui.say(&format!("note: post it with the header `Content-Type: {content_type}`"));
    ui.say("note: some gateways drop SEC and MAC: look for them in the first message that is delivered");
}
