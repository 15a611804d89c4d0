//! Access control lists: which servers may do what with a node (DM Tree and Description, "ACL").
//!
//! A list without a value is inherited whole from the nearest ancestor that has one; the look-up is
//! [`Tree::acl`](super::Tree::acl).

use std::fmt;

/// What a server may do with a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Command {
    /// Create the node.
    Add,
    /// Copy the node. Descriptions speak of it, access control lists do not.
    Copy,
    /// Delete the node.
    Delete,
    /// Start what the node stands for.
    Exec,
    /// Read the node.
    Get,
    /// Change the node.
    Replace,
}

impl Command {
    /// All commands, in the order of the standard.
    pub const ALL: [Self; 6] = [Self::Add, Self::Copy, Self::Delete, Self::Exec, Self::Get, Self::Replace];

    /// Returns the name of the command.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Add => "Add",
            Self::Copy => "Copy",
            Self::Delete => "Delete",
            Self::Exec => "Exec",
            Self::Get => "Get",
            Self::Replace => "Replace",
        }
    }

    /// Returns the command of that name.
    pub fn read(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|command| command.as_str() == name)
    }
}

/// An access control list with at least one entry. A node without one inherits its parent's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acl {
    entries: Vec<(Command, Vec<String>)>,
}

impl Acl {
    /// Octets of a list at the most.
    const MOST_OCTETS: usize = 16 << 10;

    /// Returns the list that the root has when nothing else is said: `Add=*&Get=*`.
    pub(crate) fn of_root() -> Self {
        let everyone = |command| (command, vec!["*".to_owned()]);
        Self { entries: vec![everyone(Command::Add), everyone(Command::Get)] }
    }

    /// Reads `Get=*&Replace=srv1+srv2`. An empty text is `None`: nothing of its own, inherited.
    ///
    /// # Errors
    ///
    /// Says which entry is not `command=server+server`.
    pub fn read(text: &str) -> Result<Option<Self>, BadAcl> {
        if text.is_empty() {
            return Ok(None);
        }
        if text.len() > Self::MOST_OCTETS {
            return Err(BadAcl { entry: format!("{}…", text.chars().take(40).collect::<String>()) });
        }
        let mut list = Self { entries: Vec::new() };
        for entry in text.split('&') {
            let bad = || BadAcl { entry: entry.to_owned() };
            let (name, servers) = entry.split_once('=').ok_or_else(bad)?;
            let command = Command::read(name).filter(|c| *c != Command::Copy).ok_or_else(bad)?;
            for server in servers.split('+') {
                if server != "*" && !is_server_id(server) {
                    return Err(bad());
                }
                list.grant(command, server);
            }
        }
        Ok(Some(list))
    }

    /// Lets `server` (`*` for all) use `command`.
    pub fn grant(&mut self, command: Command, server: &str) {
        let servers = match self.entries.iter_mut().position(|(c, _)| *c == command) {
            Some(place) => &mut self.entries[place].1,
            None => &mut self.entries.push_mut((command, Vec::new())).1,
        };
        // `*` overrides the names beside it and stands alone.
        if server == "*" {
            *servers = vec![server.to_owned()];
        } else if !servers.iter().any(|s| s == "*" || s == server) {
            servers.push(server.to_owned());
        }
    }

    /// Returns the list that a server gets on an interior node that it made below one that it may not replace.
    pub(super) fn of_maker(server: &str) -> Self {
        let own = |command| (command, vec![server.to_owned()]);
        Self { entries: [Command::Add, Command::Delete, Command::Replace].map(own).into() }
    }

    /// Returns the list without a server; `None` where nothing is left. In the root a command never loses its last server:
    /// it is for everyone then.
    pub(super) fn without(mut self, server: &str, is_root: bool) -> Option<Self> {
        for (_, servers) in &mut self.entries {
            servers.retain(|s| s != server);
            if servers.is_empty() && is_root {
                servers.push("*".to_owned());
            }
        }
        self.entries.retain(|(_, servers)| !servers.is_empty());
        Some(self).filter(|acl| !acl.entries.is_empty())
    }

    /// Returns whether `server` may use `command`.
    pub fn allows(&self, command: Command, server: &str) -> bool {
        self.entries.iter().any(|(c, servers)| *c == command && servers.iter().any(|s| s == "*" || s == server))
    }

    /// Returns whether anyone may use `command`.
    pub(crate) fn mentions(&self, command: Command) -> bool {
        self.entries.iter().any(|(c, _)| *c == command)
    }
}

fn is_server_id(text: &str) -> bool {
    !text.is_empty()
        && !text.contains(|c: char| matches!(c, '=' | '&' | '*' | '+') || c.is_whitespace() || c.is_control())
}

impl fmt::Display for Acl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (command, servers)) in self.entries.iter().enumerate() {
            let and = if i == 0 { "" } else { "&" };
            write!(f, "{and}{}={}", command.as_str(), servers.join("+"))?;
        }
        Ok(())
    }
}

/// Why a text is no access control list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadAcl {
    /// The first entry that is wrong.
    pub entry: String,
}

impl fmt::Display for BadAcl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not `command=server+server`", self.entry.escape_debug())
    }
}

impl std::error::Error for BadAcl {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_the_example_of_the_standard() {
        let text = "Add=srv1&Replace=srv1+srv2&Get=*";
        let acl = Acl::read(text).unwrap().unwrap();
        assert_eq!(acl.to_string(), text);
        assert!(acl.allows(Command::Get, "anyone") && acl.allows(Command::Replace, "srv2"));
        assert!(!acl.allows(Command::Add, "srv2") && !acl.mentions(Command::Exec));
    }

    #[test]
    fn star_stands_alone() {
        assert_eq!(Acl::read("Get=a+*+b").unwrap().unwrap().to_string(), "Get=*");
    }

    #[test]
    fn refuses_what_the_grammar_refuses() {
        assert_eq!(Acl::read(""), Ok(None));
        for text in ["Get", "Get=", "Get=a+", "Copy=a", "get=a", "Get=a&", "Get=a b", "Get=a=b"] {
            assert!(Acl::read(text).is_err(), "{text}");
        }
    }
}
