//! What of a tree plain text can carry: the rest is taken away, so that a peer is told what can be expressed.

use super::write::{attribute, nickname, pair, value};
use crate::document::{CodeTable, Element};

/// Takes away of a primitive what has no code, as far as the rest still says something.
pub(in crate::codec) fn fit(primitive: &mut Element<'_>, codes: &CodeTable) {
    let Element { name, children, .. } = primitive;
    children.retain_mut(|child| fit_child(name, child, codes));
}

/// Returns whether a child can be carried, after what can be spared of it is taken away.
fn fit_child(primitive: &str, child: &mut Element<'_>, codes: &CodeTable) -> bool {
    match child.name.as_ref() {
        "UserIDList" | "ContactListIDList" => return true,
        "User" if codes.code_of("element", &["-"], "User").is_none() => {
            spare(child, |inner| inner.name == "UserID");
            return !child.children.is_empty();
        }
        _ => {}
    }
    let Some(row) = codes.code_of("element", &[primitive, "-"], &child.name) else { return false };
    let is_carried = |child: &Element<'_>| value(row.notation, child, codes).is_ok();
    if is_carried(child) {
        return true;
    }
    match row.notation {
        "result" => spare(child, |part| matches!(part.name.as_ref(), "Code" | "Description")),
        "details" => spare(child, |part| matches!(part.name.as_ref(), "Code" | "Description" | "DetailedResult")),
        "pairs" => spare(child, |leaf| pair("capability", leaf, codes).is_ok()),
        "nicknames" => spare(child, |nick| nickname(nick).is_ok()),
        "names" => spare(child, |name| value("names", &one(name), codes).is_ok()),
        "values" => attributes(child, codes),
        "presence" => {
            for list in child.children.iter_mut().filter(|list| list.name == "PresenceSubList") {
                attributes(list, codes);
            }
            spare(child, |part| match part.name.as_ref() {
                "PresenceSubList" => !part.children.is_empty(),
                name => matches!(name, "UserID" | "ContactList"),
            });
        }
        _ => {}
    }
    is_carried(child)
}

/// Takes away attributes that cannot be carried, or what of them cannot.
fn attributes(list: &mut Element<'_>, codes: &CodeTable) {
    for item in &mut list.children {
        if attribute(item, codes).is_err() {
            let name = item.name.to_string();
            spare(item, |part| {
                matches!(part.name.as_ref(), "Qualifier" | "PresenceValue") || pair(&name, part, codes).is_ok()
            });
        }
    }
    spare(list, |item| attribute(item, codes).is_ok());
}

fn spare(element: &mut Element<'_>, is_carried: impl Fn(&Element<'_>) -> bool) {
    element.children.retain(is_carried);
}

fn one<'s>(name: &Element<'s>) -> Element<'s> {
    Element::new("PresenceSubList").with(name.clone())
}
