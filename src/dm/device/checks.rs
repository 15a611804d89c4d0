//! May it be done? One function for each row of the [table of faults](super::FAULTS), called in the order of the table.
//!
//! AccessType of the description and access control list are independent: both must allow a command. The list is asked for
//! the parent where a node is added, the description for the node that is added (DM Tree and Description 1.2, "ACL").

use super::super::acl::{Acl, Command};
use super::super::node::{Format, Node, Value};
use super::super::uri::{Uri, is_name};
use super::super::values::fits;
use super::faults::{Fault, Refusal};
use super::index::Known;
use super::operations::Content;
use super::target::{List, Part, Property, Target};
use super::{Device, length};

type Outcome = Result<(), Refusal>;

/// The check of one row.
type Row = fn(&Case<'_, '_>) -> Outcome;

/// A command with all that the checks look at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request<'r> {
    pub(super) command: Command,
    pub(super) target: &'r Target,
    /// The source of a Copy.
    pub(super) source: Option<&'r Uri>,
    /// What Add and Replace bring.
    pub(super) content: Option<&'r Content<'r>>,
    pub(super) server: &'r str,
    /// Whether it stands below another node of the same document, for which the list was asked already.
    pub(super) inside: bool,
}

/// A command and what is found at its address.
struct Case<'c, 'd> {
    device: &'c Device<'d>,
    request: &'c Request<'c>,
    uri: &'c Uri,
    /// What the descriptions say, from the root down to the address.
    known: Vec<Known<'d>>,
    node: Option<&'c Node>,
    /// The nearest node that exists, and how deep it lies.
    nearest: (&'c Node, usize),
}

/// The rows of the table from 3 on, in its order. Rows 1, 2 and 17 to 19 are no matter of one node.
const ROWS: &[(u8, Row)] = &[
    (3, has_command),
    (4, is_short),
    (5, exists),
    (6, has_parent),
    (7, is_free),
    (8, is_allowed),
    (9, has_part),
    (10, has_right),
    (11, is_possible),
    (12, has_format),
    (13, is_small),
    (14, has_value),
    (15, are_few),
    (16, has_room),
];

impl Device<'_> {
    /// Returns whether a command may be carried out.
    ///
    /// # Errors
    ///
    /// The first fault, in the order of the table.
    pub(super) fn check(&self, request: &Request<'_>) -> Outcome {
        let uri = &request.target.uri;
        let type_name = request.content.and_then(|content| content.type_name);
        let mut nearest = (self.tree.root(), 0);
        for name in uri.segments() {
            let Some(child) = nearest.0.child(name) else { break };
            nearest = (child, nearest.1 + 1);
        }
        let known = self.index.along(&self.tree, uri, type_name);
        let node = Some(nearest.0).filter(|_| nearest.1 + 1 == known.len());
        let case = Case { device: self, request, uri, known, node, nearest };
        ROWS.iter().try_for_each(|(_, row)| row(&case))
    }
}

impl<'d> Case<'_, 'd> {
    fn command(&self) -> Command {
        self.request.command
    }

    fn part(&self) -> &Part {
        &self.request.target.part
    }

    /// What the descriptions say of the target.
    fn known(&self) -> Known<'d> {
        self.known.last().copied().unwrap_or(Known::Free)
    }

    /// What the descriptions say of the parent.
    fn above(&self) -> Known<'d> {
        self.known.len().checked_sub(2).map_or(Known::Free, |above| self.known[above])
    }

    /// Returns whether a new node is made: by Add, or by Copy to where nothing is.
    fn makes(&self) -> bool {
        self.command() == Command::Add || (self.command() == Command::Copy && self.node.is_none())
    }

    fn source(&self) -> Option<&Node> {
        self.device.tree.get(self.request.source?)
    }

    /// The new value of a property.
    fn text(&self) -> &str {
        self.request.content.map_or("", Content::as_text)
    }

    /// The name that a rename gives.
    fn new_name(&self) -> Option<&str> {
        let renames = self.command() == Command::Replace && *self.part() == Part::Property(Property::Name);
        renames.then(|| self.text()).filter(|name| *name != self.uri.name())
    }

    /// Whether the target is the place where objects are put, or below it.
    fn is_inbox(&self) -> bool {
        self.device.abilities.inbox.as_ref().is_some_and(|inbox| self.uri.within(inbox).is_some())
    }

    /// The format and type that the target has or shall have.
    fn shape(&self) -> Option<(Format, &'d [String])> {
        self.known().law().map(|law| (law.described.format, law.described.types.as_slice()))
    }
}

fn refuse(fault: Fault, why: impl Into<String>) -> Outcome {
    Err(fault.because(why))
}

fn has_command(case: &Case<'_, '_>) -> Outcome {
    let abilities = &case.device.abilities;
    match case.command() {
        Command::Copy if !abilities.copy => refuse(Fault::NotSupported, "the device has no Copy"),
        Command::Exec if abilities.exec.is_none() => refuse(Fault::NotSupported, "the device has no Exec"),
        _ => Ok(()),
    }
}

fn is_short(case: &Case<'_, '_>) -> Outcome {
    let limits = case.device.limits;
    // Addresses below a document's were not read as such.
    if case.known.len() - 1 > Uri::MOST_SEGMENTS || case.uri.octets() > Uri::MOST_OCTETS {
        return refuse(Fault::TooLong, "the address is longer than any may be");
    }
    if !limits.allow(case.uri) || case.request.source.is_some_and(|source| !limits.allow(source)) {
        return refuse(Fault::TooLong, "the address is longer than `./DevDetail/URI` allows");
    }
    let renamed = case.new_name().filter(|name| is_name(name)).zip(case.uri.parent());
    if renamed.is_some_and(|(name, parent)| !limits.allow(&parent.join(name))) {
        return refuse(Fault::TooLong, "the new name is longer than `./DevDetail/URI` allows");
    }
    Ok(())
}

fn exists(case: &Case<'_, '_>) -> Outcome {
    let uri = match case.command() {
        Command::Add => return Ok(()),
        Command::Copy if case.source().is_none() => case.request.source.unwrap_or(case.uri),
        Command::Copy => return Ok(()),
        // The place for objects is there though no node may be seen.
        _ if case.node.is_some() || case.is_inbox() => return Ok(()),
        _ => case.uri,
    };
    refuse(Fault::NotFound, format!("there is no node `{uri}`"))
}

fn has_parent(case: &Case<'_, '_>) -> Outcome {
    let depth = case.known.len() - 1;
    if !case.makes() || case.nearest.1 + 1 >= depth || !case.nearest.0.is_interior() {
        return Ok(());
    }
    let mut parent = case.uri.clone();
    while parent.depth() > case.nearest.1 + 1 {
        parent = parent.parent().unwrap_or_default();
    }
    if !case.device.abilities.makes_parents {
        return Err(Fault::NoParent.because("the parent is missing, and the device makes none").at(&parent));
    }
    // The status is that which an Add of the parent would get (DM Representation Protocol 1.2, "Add").
    for known in &case.known[case.nearest.1 + 1..depth] {
        let made = known.law().is_none_or(|law| {
            let is_fixed = law.described.name.is_some() && law.described.occurrence.is_required();
            law.described.is_interior() && (law.allows(Command::Add) || is_fixed) && !law.described.is_permanent
        });
        if !made || matches!(known, Known::Absent) {
            return Err(Fault::NotAllowed.because("no server can make the parent of this node").at(&parent));
        }
        parent = parent.join(case.uri.segments().nth(parent.depth()).unwrap_or_default());
    }
    Ok(())
}

fn is_free(case: &Case<'_, '_>) -> Outcome {
    if case.command() == Command::Add && *case.part() == Part::Node && case.node.is_some() {
        return refuse(Fault::Exists, "the node is there already");
    }
    let sibling = |name: &str| case.uri.parent().and_then(|parent| case.device.tree.get(&parent)?.child(name));
    match case.new_name() {
        Some(name) if sibling(name).is_some() => refuse(Fault::Exists, format!("a node `{name}` is there already")),
        _ => Ok(()),
    }
}

fn is_allowed(case: &Case<'_, '_>) -> Outcome {
    let no = |why: &str| refuse(Fault::NotAllowed, why);
    if case.is_inbox() {
        return no("objects are put there, nothing else; they are put as a serialised tree");
    }
    match (case.command(), case.part()) {
        (Command::Get, _) => may_read(case),
        (Command::Replace, Part::Property(property)) => may_set(case, *property),
        (Command::Replace, Part::Node) => may_replace(case),
        (_, Part::Property(_) | Part::List(_) | Part::Unknown(_)) => {
            no("properties and lists do not take this command")
        }
        (Command::Add, Part::Node) => may_make(case),
        (Command::Delete, Part::Node) => may_delete(case),
        (Command::Exec, Part::Node) if !case.known().allows(Command::Exec) => no("AccessType has no Exec"),
        (Command::Exec, Part::Node) => Ok(()),
        (Command::Copy, Part::Node) => may_copy(case),
    }
}

fn may_read(case: &Case<'_, '_>) -> Outcome {
    let is_value = matches!(case.part(), Part::Node | Part::Property(Property::Size))
        || (matches!(case.part(), Part::List(_)) && case.node.is_some_and(|node| !node.is_interior()));
    if is_value && !case.known().allows(Command::Get) {
        return refuse(Fault::NotAllowed, "AccessType has no Get: what stands here can be written, not read");
    }
    Ok(())
}

fn may_set(case: &Case<'_, '_>, property: Property) -> Outcome {
    let no = |why: String| refuse(Fault::NotAllowed, why);
    if !property.is_replaceable() {
        return no(format!("the property {} is read only", property.as_str()));
    }
    if property == Property::Acl && case.uri.is_root() {
        // The root always has a list, with which everyone may extend the tree.
        let everyone = Acl::read(case.text()).ok().flatten();
        if Acl::read(case.text()).is_ok() && everyone.is_none_or(|acl| !acl.allows(Command::Add, "*")) {
            return no("the list of the root keeps `Add=*`".to_owned());
        }
    }
    let Some(name) = case.new_name() else { return Ok(()) };
    if case.uri.is_root() || case.known().law().is_some_and(|law| law.described.is_permanent) {
        return no("a permanent node keeps its name".to_owned());
    }
    let Some(law) = case.known().law() else { return Ok(()) };
    let there = case.above().law().and_then(|above| case.device.index.child(above.described, name));
    if case.above().law().is_some() && !there.is_some_and(|there| std::ptr::eq(there, law.described)) {
        return no(format!("the description has no such node `{name}`"));
    }
    Ok(())
}

fn may_replace(case: &Case<'_, '_>) -> Outcome {
    if !case.known().allows(Command::Replace) {
        return refuse(Fault::NotAllowed, "AccessType has no Replace");
    }
    let is_document = case.request.content.is_some_and(Content::is_document);
    if case.node.is_some_and(Node::is_interior) && !is_document {
        return refuse(Fault::NotAllowed, "an interior node has no value; only a serialised tree can replace it");
    }
    Ok(())
}

fn may_make(case: &Case<'_, '_>) -> Outcome {
    if !case.nearest.0.is_interior() {
        return refuse(Fault::NotAllowed, format!("`{}` is a leaf and has no children", case.nearest.0.name()));
    }
    match case.known() {
        Known::Absent => refuse(Fault::NotAllowed, "the device has no such node: its description does not know it"),
        Known::As(law) if law.described.is_permanent => {
            refuse(Fault::NotAllowed, "a permanent node is there from the start")
        }
        known if !known.allows(Command::Add) => refuse(Fault::NotAllowed, "AccessType has no Add"),
        _ => Ok(()),
    }
}

fn may_delete(case: &Case<'_, '_>) -> Outcome {
    if case.uri.is_root() {
        return refuse(Fault::NotAllowed, "the root cannot be deleted");
    }
    let is_there = |uri: &&Uri| case.device.tree.get(uri).is_some();
    if let Some(permanent) = case.device.index.permanent_below(case.uri).find(is_there) {
        return refuse(Fault::NotAllowed, format!("`{permanent}` is permanent"));
    }
    match case.known() {
        Known::As(law) if law.described.is_permanent => refuse(Fault::NotAllowed, "the node is permanent"),
        known if !known.allows(Command::Delete) => refuse(Fault::NotAllowed, "AccessType has no Delete"),
        _ => Ok(()),
    }
}

fn may_copy(case: &Case<'_, '_>) -> Outcome {
    let source = case.request.source.map(|uri| case.device.index.along(&case.device.tree, uri, None));
    let source = source.and_then(|known| known.last().copied()).unwrap_or(Known::Free);
    if !source.allows(Command::Copy) || !source.allows(Command::Get) {
        return refuse(Fault::NotAllowed, "AccessType of the source has no Copy or no Get");
    }
    if case.makes() { may_make(case) } else { may_replace_by_copy(case) }
}

fn may_replace_by_copy(case: &Case<'_, '_>) -> Outcome {
    // That an interior node is no target is row 11.
    if case.known().allows(Command::Replace) {
        return Ok(());
    }
    refuse(Fault::NotAllowed, "AccessType has no Replace")
}

fn has_part(case: &Case<'_, '_>) -> Outcome {
    let no = |why: String| refuse(Fault::NoSuchFeature, why);
    let Some(node) = case.node else { return Ok(()) };
    match case.part() {
        Part::Unknown(query) => no(format!("there is no `?{query}`")),
        Part::List(List::Tnds(_)) if !case.device.abilities.tnds => no("the device has no serialised trees".to_owned()),
        Part::List(List::Struct | List::StructData) if !case.device.abilities.lists => {
            no("the device has no `?list=Struct` and no `?list=StructData`".to_owned())
        }
        Part::Property(Property::Size) if node.is_interior() => no("an interior node has no Size".to_owned()),
        Part::Property(Property::TStamp) if node.time_stamp.is_none() => no("the node has no TStamp".to_owned()),
        Part::Property(Property::VerNo) if node.version.is_none() => no("the node has no VerNo".to_owned()),
        _ => Ok(()),
    }
}

fn has_right(case: &Case<'_, '_>) -> Outcome {
    let server = case.request.server;
    let right = |uri: &Uri, command: Command| {
        if case.device.tree.allows(uri, command, server) {
            return Ok(());
        }
        refuse(
            Fault::NoRight,
            format!("the list in force at `{uri}` does not give `{server}` the command {}", command.as_str()),
        )
    };
    let parent = case.uri.parent();
    match (case.command(), case.part()) {
        _ if case.request.inside => Ok(()),
        (Command::Copy, _) => {
            right(case.request.source.unwrap_or(case.uri), Command::Get)?;
            if case.makes() { right(&nearest(case), Command::Add) } else { right(case.uri, Command::Replace) }
        }
        (Command::Add, _) => right(&nearest(case), Command::Add),
        (Command::Replace, Part::Property(Property::Acl)) => {
            let is_interior = case.node.is_some_and(Node::is_interior);
            let own = right(case.uri, Command::Replace);
            match parent {
                Some(parent) if case.device.tree.allows(&parent, Command::Replace, server) => Ok(()),
                _ if is_interior => own,
                _ => {
                    refuse(Fault::NoRight, "the list of a leaf is changed by whom the list of its parent gives Replace")
                }
            }
        }
        (command, _) => right(case.uri, command),
    }
}

/// Returns the address of the nearest node that exists.
fn nearest(case: &Case<'_, '_>) -> Uri {
    let mut uri = case.uri.clone();
    while uri.depth() > case.nearest.1 {
        uri = uri.parent().unwrap_or_default();
    }
    uri
}

fn is_possible(case: &Case<'_, '_>) -> Outcome {
    let Some(source) = case.source() else { return Ok(()) };
    if source.is_interior() || case.node.is_some_and(Node::is_interior) {
        return refuse(Fault::Forbidden, "only leaves are copied, onto leaves");
    }
    let differs = |(format, _): (Format, _)| format != source.format;
    let there = case.node.map(|node| (node.format, &[][..]));
    if case.shape().or(there).is_some_and(differs) {
        return refuse(Fault::Forbidden, format!("the source is of format {}, the target is not", source.format));
    }
    Ok(())
}

fn has_format(case: &Case<'_, '_>) -> Outcome {
    let Some(content) = case.request.content.filter(|_| *case.part() == Part::Node) else { return Ok(()) };
    let no = |why: String| refuse(Fault::WrongFormat, why);
    if content.is_document() {
        let tnds = case.device.abilities.tnds;
        return if tnds { Ok(()) } else { no("the device takes no serialised trees".to_owned()) };
    }
    let Some(stated) = content.stated_format() else {
        return no(format!("`{}` is not a format", content.format.unwrap_or_default()));
    };
    let there = case.node.map(|node| (node.format, &[][..]));
    let Some((format, types)) = case.shape().or(there) else { return Ok(()) };
    let is_carried = format == Format::Bin && stated == Some(Format::B64);
    let usual = if format == Format::Node { Format::Chr } else { format };
    if stated.unwrap_or(usual) != format && !is_carried {
        return no(format!("Meta Format is `{}`, the node has `{format}`", stated.unwrap_or(usual)));
    }
    let media_type = |text: &str| text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let stated = content.type_name.filter(|_| format != Format::Node).map(media_type);
    if let Some(stated) = stated.filter(|stated| !types.is_empty() && !types.iter().any(|t| media_type(t) == *stated)) {
        return no(format!("Meta Type is `{stated}`, the node has `{}`", types.join("`, `")));
    }
    let moi = case.known().law().and_then(|law| law.described.moi.as_deref());
    match content.object().zip(moi) {
        Some((stated, moi)) if stated != moi => no(format!("Meta Type is `{stated}`, the node has `{moi}`")),
        _ => Ok(()),
    }
}

fn is_small(case: &Case<'_, '_>) -> Outcome {
    let Some(content) = case.request.content else { return Ok(()) };
    let most = match case.part() {
        Part::Property(Property::Title) => 255,
        _ => case.device.abilities.most_value,
    };
    if content.len() > most {
        return refuse(Fault::TooLarge, format!("the value has {} octets, at most {most} are taken", content.len()));
    }
    Ok(())
}

fn has_value(case: &Case<'_, '_>) -> Outcome {
    let Some(content) = case.request.content else { return Ok(()) };
    match case.part() {
        Part::Property(Property::Acl) => {
            Acl::read(case.text()).map(|_| ()).or_else(|error| refuse(Fault::OutOfRange, error.to_string()))
        }
        Part::Property(Property::Name) if !is_name(case.text()) => {
            refuse(Fault::OutOfRange, format!("`{}` cannot name a node", case.text().escape_debug()))
        }
        Part::Node if !content.is_document() => {
            let format = case.shape().map(|(format, _)| format).or_else(|| content.stated_format().flatten());
            let format = format.or_else(|| case.node.map(|node| node.format)).unwrap_or(Format::Chr);
            value_fits(format, content)
        }
        _ => Ok(()),
    }
}

fn value_fits(format: Format, content: &Content<'_>) -> Outcome {
    let bad = |why: String| refuse(Fault::BadValue, why);
    let Some(value) = content.value(format) else {
        let is_lost = format == Format::Bin && content.len() > 0;
        return if is_lost { bad("the value is not base64".to_owned()) } else { Ok(()) };
    };
    if fits(format, &value) {
        return Ok(());
    }
    let is_number =
        |text: &str| text.trim_start_matches(['+', '-']).bytes().all(|b| b.is_ascii_digit()) && text.len() > 9;
    match &value {
        Value::Text(text) if format == Format::Int && is_number(text) => {
            refuse(Fault::OutOfRange, "the number does not fit into 32 bits")
        }
        Value::Octets(_) => bad(format!("the value is octets, the node is of format {format}")),
        Value::Text(_) if format == Format::Node => bad("an interior node has no value".to_owned()),
        value => bad(format!("the value of {} octets is not of format {format}", length(value))),
    }
}

fn are_few(case: &Case<'_, '_>) -> Outcome {
    if !case.makes() {
        return Ok(());
    }
    // Of the nodes that are made only the first has siblings.
    let first = case.nearest.1 + 1;
    let (Some(Known::As(law)), Some(above)) = (case.known.get(first), case.known.get(first - 1)) else { return Ok(()) };
    let (Some(above), None) = (above.law(), &law.described.name) else { return Ok(()) };
    let is_of_above = above.described.children.iter().any(|child| std::ptr::eq(child, law.described));
    let Some(most) = law.described.occurrence.most().filter(|_| is_of_above) else { return Ok(()) };
    let named = above.described.children.iter().filter_map(|child| child.name.as_deref());
    let there = case.nearest.0.width() - named.filter(|name| case.nearest.0.child(name).is_some()).count();
    if there >= most {
        return refuse(Fault::TooMany, format!("the device takes {} of them", law.described.occurrence));
    }
    Ok(())
}

fn has_room(case: &Case<'_, '_>) -> Outcome {
    let Device { used, abilities, .. } = case.device;
    let nodes = if case.makes() { case.known.len() - 1 - case.nearest.1 } else { 0 };
    let brought = case.request.content.map_or(0, |content| content.len());
    let octets = brought.max(case.source().and_then(|node| node.value.as_ref()).map_or(0, length));
    if used.nodes + nodes > abilities.most_nodes.saturating_add(1) || used.octets + octets > abilities.most_octets {
        return refuse(Fault::Full, "the device has no room for it");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_called_in_the_order_of_the_table() {
        let called: Vec<u8> = ROWS.iter().map(|(number, _)| *number).collect();
        let mut listed: Vec<u8> = super::super::FAULTS.iter().map(|row| row.number).collect();
        listed.dedup();
        listed.retain(|number| (3..=16).contains(number));
        assert_eq!(called, listed);
    }
}
