//! What a client can do, and what is agreed of it (CSP session, "Client capability negotiation").

use super::{number, waking, with_client};
use crate::csp::Version;
use crate::document::{Element, boolean};
use crate::server::fault::Fault;
use crate::server::limits;
use crate::server::service::{Context, terms_changed};
use crate::server::session::{Accepted, Capabilities, Policy};

/// ClientCapability-Request.
pub(crate) fn client_capability(context: &mut Context<'_>, request: &Element<'_>) -> Result<Element<'static>, Fault> {
    let empty = Element::new("CapabilityList");
    let agreed = agree(context, request.child("CapabilityList").unwrap_or(&empty))?;
    terms_changed(context)?;
    let answer = Element::new("ClientCapability-Response").with(agreed);
    Ok(with_client(context, answer))
}

/// The most open transactions, and transactions in one message, that the server agrees to.
const MOST_TRANSACTIONS: u32 = 8;

/// Notes what a client can do, and returns what the server changes or adds: in 1.1 the whole list as agreed.
pub(super) fn agree(context: &mut Context<'_>, list: &Element<'_>) -> Result<Element<'static>, Fault> {
    let version = context.version();
    let poll_min = number(list, "ServerPollMin").unwrap_or(0).max(context.configuration.poll_min);
    let sessions = context.quotas(context.user())?.sessions;
    let ways = waking::agree(context, list)?;
    let session = context.session()?;
    session.capabilities = read_capabilities(list);
    let capabilities = &session.capabilities;
    let mut changed = vec![
        Element::leaf("MultiTrans", capabilities.multi_trans.to_string()),
        Element::leaf("ServerPollMin", poll_min.to_string()),
    ];
    if list.children_named("SupportedBearer").any(|bearer| bearer.trimmed().eq_ignore_ascii_case("HTTP")) {
        changed.push(Element::leaf("SupportedBearer", "HTTP"));
    }
    // There is no bearer for notices to who is away (OFFNOTIF), so that no SupportedOfflineBearer is agreed.
    changed.extend(ways);
    if version == Version::V1_1 {
        let gone = ["SupportedCIRMethod", "TCPAddress", "TCPPort", "SupportedBearer", "MultiTrans", "ServerPollMin"];
        let kept = list.children.iter().filter(|child| !gone.contains(&child.name.as_ref()));
        let kept = kept.map(|child| child.clone().into_owned());
        return Ok(Element::new("CapabilityList").with_all(kept).with_all(changed));
    }
    changed.push(Element::leaf("MultiTransPerMessage", capabilities.multi_trans_per_message.to_string()));
    changed.push(Element::leaf("UserSessionLimit", sessions.to_string()));
    // A rule that we do not know is not agreed to.
    for (name, rule, usual) in [
        ("OfflineETEMHandling", &capabilities.offline_etem, "SENDSTORE"),
        ("OnlineETEMHandling", &capabilities.online_etem, "SERVERLOGIC"),
    ] {
        if rule.is_none() && list.child_text(name).is_some_and(|asked| !asked.is_empty()) {
            changed.push(Element::leaf(name, usual));
        }
    }
    changed.extend(encodings(list));
    Ok(Element::new("AgreedCapabilityList").with_all(changed))
}

/// What may happen to messages while a user is away, and with several sessions (enumerations).
const OFFLINE_RULES: [&str; 3] = ["SENDSTORE", "SENDREJECT", "REJECT"];
const ONLINE_RULES: [&str; 5] = ["SERVERLOGIC", "FORKALL", "DETECT", "PRIORITYSTORE", "PRIORITYREJECT"];

/// Returns the transfer encodings that are agreed, where the client offers others too.
fn encodings(list: &Element<'_>) -> Vec<Element<'static>> {
    let is_known = |word: &str| ["BASE64", "None"].iter().any(|known| known.eq_ignore_ascii_case(word));
    let offered: Vec<&str> = list.children_named("AcceptedTransferEncoding").map(|e| e.trimmed()).collect();
    if offered.iter().all(|word| is_known(word)) {
        return Vec::new();
    }
    let known = offered.into_iter().filter(|word| is_known(word));
    known.map(|word| Element::leaf("AcceptedTransferEncoding", word.to_owned())).collect()
}

fn read_capabilities(list: &Element<'_>) -> Capabilities {
    let word = |name: &str| list.child_text(name).filter(|word| !word.is_empty()).map(str::to_ascii_uppercase);
    let transactions = |name: &str| number(list, name).unwrap_or(1).clamp(1, MOST_TRANSACTIONS) as usize;
    let content_types = list.children_named("AcceptedContentType").map(|accepted| {
        // A structure in 1.3, text before.
        let text = accepted.child_text("ContentType").unwrap_or_else(|| accepted.trimmed());
        Accepted {
            name: text.split(';').next().unwrap_or_default().trim_ascii().to_ascii_lowercase(),
            most: number(accepted, "AcceptedRichContentLength"),
            policy: accepted.child_text("ContentPolicy").map(Policy::read).unwrap_or_default(),
            limit: number(accepted, "ContentPolicyLimit"),
        }
    });
    let old_limit = number(list, "AcceptedContentLength");
    Capabilities {
        push: word("InitialDeliveryMethod").is_none_or(|method| method != "N"),
        any_content: list.child_text("AnyContent").and_then(boolean).unwrap_or_default(),
        content_types: content_types.take(limits::CONTENT_TYPES).collect(),
        push_length: number(list, "AcceptedPushLength").or(old_limit),
        pull_length: number(list, "AcceptedPullLength").or(old_limit),
        text_length: number(list, "AcceptedTextContentLength").or(old_limit),
        multi_trans: transactions("MultiTrans"),
        multi_trans_per_message: transactions("MultiTransPerMessage"),
        parser_size: number(list, "ParserSize").filter(|size| *size > 0),
        client_type: word("ClientType"),
        language: list.child_text("DefaultLanguage").map(str::to_owned),
        offline_etem: word("OfflineETEMHandling").filter(|rule| OFFLINE_RULES.contains(&rule.as_str())),
        online_etem: word("OnlineETEMHandling").filter(|rule| ONLINE_RULES.contains(&rule.as_str())),
        session_priority: number(list, "SessionPriority").unwrap_or_default(),
    }
}
