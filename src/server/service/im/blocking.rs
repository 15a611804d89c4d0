//! Block and grant lists (Block and grant lists).

use crate::csp::{Address, Code, Version};
use crate::document::Element;
use crate::server::fault::Fault;
use crate::server::service::Context;
use crate::server::service::targets::{self, Tally, flag};
use crate::server::store::messages::{self, AccessList, Entity};
use crate::server::store::{contact_lists, groups};

/// The two lists: their element, and the element of their switch from 1.3 on.
const LISTS: [(AccessList, &str, &str); 2] =
    [(AccessList::Block, "BlockList", "BlockListInUse"), (AccessList::Grant, "GrantList", "GrantListInUse")];

/// `GetBlockedList-Request`: both lists with their switches, inside the lists before 1.3 and beside them from then on.
pub(crate) fn get_blocked_list(context: &mut Context<'_>) -> Result<Element<'static>, Fault> {
    let db = context.store.reader();
    let reception = messages::reception(db, context.user())?.unwrap_or_default();
    let mut response = Element::new("GetBlockedList-Response");
    for (list, name, switch_name) in LISTS {
        let entities = messages::entities(db, context.user(), list)?.into_iter().map(entity_element);
        let entities = Element::new("EntityList").with_all(entities);
        let switch = if reception.uses(list) { "T" } else { "F" };
        response = match context.version() {
            Version::V1_3 => response.with(Element::new(name).with(entities)).with_leaf(switch_name, switch),
            _ => response.with(Element::new(name).with_leaf("InUse", switch).with(entities)),
        };
    }
    Ok(response)
}

fn entity_element(entity: Entity) -> Element<'static> {
    match entity.kind.as_str() {
        "ScreenName" => Element::new("ScreenName").with_leaf("SName", entity.name).with_leaf("GroupID", entity.group),
        _ => Element::leaf(entity.kind, entity.name),
    }
}

/// `BlockEntity-Request`: adds, removes and switches. Unknown entities are reported, the rest is done.
pub(crate) fn block_entity(context: &mut Context<'_>, request: &Element<'_>) -> Result<Element<'static>, Fault> {
    let mut tally = Tally::default();
    let owner = context.user().to_owned();
    for (list, name, switch_name) in LISTS {
        let element = request.child(name);
        // A list given whole is taken as what is to be on it as well.
        for added in ["AddList", "EntityList"].iter().filter_map(|name| element?.child(name)) {
            for child in &added.children {
                let outcome = add(context, &owner, list, child);
                tally.note(child, outcome)?;
            }
        }
        for child in element.and_then(|element| element.child("RemoveList")).into_iter().flat_map(|l| &l.children) {
            let outcome = remove(context, &owner, list, child);
            tally.note(child, outcome)?;
        }
        // An empty switch stays as it is.
        let switch = flag(request, switch_name).or_else(|| flag(element?, "InUse"));
        if let Some(in_use) = switch {
            messages::set_in_use(context.store.writer()?, &owner, list, in_use)?;
            tally.done();
        }
    }
    Ok(tally.outcome().status())
}

fn add(context: &mut Context<'_>, owner: &str, list: AccessList, element: &Element<'_>) -> Result<(), Fault> {
    let entities = read(context, element, true)?;
    let most = context.quotas(owner)?.blocked;
    let db = context.store.writer()?;
    let present = messages::entities(db, owner, list)?;
    let new = entities.iter().filter(|entity| !present.contains(entity)).count();
    if present.len() + new > most {
        return Err(Code::SERVICE_UNAVAILABLE.into());
    }
    entities.iter().try_for_each(|entity| messages::add_entity(db, owner, list, entity))?;
    Ok(())
}

fn remove(context: &mut Context<'_>, owner: &str, list: AccessList, element: &Element<'_>) -> Result<(), Fault> {
    let entities = read(context, element, false)?;
    let db = context.store.writer()?;
    entities.iter().try_for_each(|entity| messages::remove_entity(db, owner, list, entity))?;
    Ok(())
}

/// Returns what an element of AddList or RemoveList means. What is removed need not be there any more.
fn read(context: &Context<'_>, element: &Element<'_>, must_exist: bool) -> Result<Vec<Entity>, Fault> {
    let entity = |name: &str, group: &str| Entity {
        kind: element.name.to_string(),
        name: name.to_owned(),
        group: group.to_owned(),
    };
    let text = element.trimmed();
    Ok(match element.name.as_ref() {
        "UserID" if must_exist => vec![entity(context.known_user(text)?.as_str(), "")],
        "UserID" => vec![entity(context.user_id(text)?.as_str(), "")],
        "GroupID" => vec![entity(&group(context, text, must_exist)?, "")],
        "ScreenName" => {
            let name = element.child_text("SName").filter(|name| !name.is_empty());
            let name = name.ok_or_else(|| Fault::missing("SName"))?;
            let id = element.child_text("GroupID").unwrap_or_default();
            vec![entity(name, &group(context, id, must_exist)?)]
        }
        // The members of this moment.
        "ContactList" => {
            let list = targets::own_list(context, text)?;
            let members = contact_lists::contacts(context.store.reader(), &list)?.into_iter();
            members.map(|contact| Entity { kind: "UserID".into(), name: contact.user, group: String::new() }).collect()
        }
        "ApplicationID" => vec![entity(text, "")],
        _ => Vec::new(),
    })
}

fn group(context: &Context<'_>, text: &str, must_exist: bool) -> Result<String, Fault> {
    let address = Address::group_id(text, &context.configuration.domain).map_err(|_| Code::UNKNOWN_GROUP)?;
    if must_exist && groups::find(context.store.reader(), address.as_str())?.is_none() {
        return Err(Code::UNKNOWN_GROUP.into());
    }
    Ok(address.as_str().to_owned())
}
