//! Reads the keys of a profile into an account, marking slots on the way.

use std::collections::BTreeMap;

use super::keys::Keys;
use super::{Profile, SECURITY, SERVICES, SecretSource, Secrets, checks, is_column};
use crate::cp::mac::Security;
use crate::diagnose::{Diagnostic, Report, Span, nearest};
use crate::dm::{Acl, ManagementObject, Uri, is_name};
use crate::document::is_xml;
use crate::provision::account::{
    AccessPoint, Address, AddressForm, Characteristic, Credentials, DmAccount, ImpsAccount, Parm, PhysicalProxy, Port,
    Proxy, Rest, Secret,
};
use crate::provision::rows::COLUMNS;
use crate::provision::slots::{BadPlaceholder, Slots, escape, slots_in};
use crate::provision::table::{Fields, Node, Table, Value};
use crate::provision::{accept, rules};

/// Words that a key takes.
type Words = &'static [&'static str];

/// Reads one profile; slots are numbered in the order in which they are met.
pub(super) struct Reader<'r> {
    pub(super) slots: Slots,
    /// Whether the profile reads an operator's own table, whose headers are not known yet.
    pub(super) own_table: bool,
    /// The keys that were asked for, by table.
    pub(super) known: BTreeMap<String, Keys>,
    secret: Secrets<'r>,
    report: &'r mut Report,
}

impl<'r> Reader<'r> {
    pub(super) fn new(own_table: bool, secret: Secrets<'r>, report: &'r mut Report) -> Self {
        Self { slots: Slots::default(), own_table, known: BTreeMap::new(), secret, report }
    }

    pub(super) fn profile(&mut self, table: &Table) -> Profile {
        let top = Fields::new(table, Span::default(), "");
        self.schema(&top);
        let mut profile = Profile { id: self.id(&top), ..Profile::default() };
        profile.account.name = self.text(&top, "name");
        profile.account.provider_id = self.text(&top, "provider_id");
        self.connections(&top, &mut profile.account);
        self.service(&top, &mut profile);
        profile.account.credentials = self.tables(&top, "account").iter().map(|f| self.credentials(f)).collect();
        profile.account.vendor = self.rest(&top, "vendor").children;
        self.manager(&top, &mut profile);
        if let Some(fields) = self.table(&top, "push") {
            let word = self.words(&fields, "security", SECURITY, &[]).pop();
            profile.security = word.map(|word| Security::from_name(&word));
            profile.pin = self.secret(&fields, "pin").map(|pin| pin.expose().to_owned());
            self.finish(&fields);
        }
        self.place(&top, &mut profile);
        if let Some(fields) = self.table(&top, "expect") {
            profile.granted = self.words(&fields, "granted", SERVICES, &[]);
            self.finish(&fields);
        }
        checks::check(&profile, &top, self.report);
        self.finish(&top);
        profile
    }

    /// Reads where the account hangs in a device tree: below which node, under which name, and who may do what with it.
    fn place(&mut self, top: &Fields<'_>, profile: &mut Profile) {
        let (mut root, mut instance) = (ManagementObject::USUAL_PARENT.to_owned(), profile.id.clone());
        if let Some(fields) = self.table(top, "tree") {
            root = self.plain(&fields, "root").unwrap_or(root);
            instance = self.plain(&fields, "instance").unwrap_or(instance);
            if Uri::read(&root).is_err() {
                self.wrong(&fields, "root", format!("`{root}` is no address of a node"));
            }
            if !is_name(&instance) {
                self.wrong(&fields, "instance", format!("`{instance}` cannot name a node"));
            }
            match Acl::read(&self.plain(&fields, "acl").unwrap_or_default()) {
                Ok(acl) => profile.tree_acl = acl,
                Err(error) => self.wrong(&fields, "acl", format!("no access control list: {error}")),
            }
            self.finish(&fields);
        }
        (profile.tree_root, profile.tree_instance) = (root, instance);
    }

    /// Reads `[dm]`: who manages the device. Access points and proxies are those of the profile.
    fn manager(&mut self, top: &Fields<'_>, profile: &mut Profile) {
        let Some(fields) = self.table(top, "dm") else { return };
        let account = &profile.account;
        let points = account.access_points.iter().map(|p| p.id.clone()).collect();
        let proxies = account.proxies.iter().map(|p| p.id.clone()).collect();
        let mut manager = DmAccount {
            server_id: Some(self.required(&fields, "server_id")),
            name: self.text(&fields, "name"),
            addresses: self.addresses(&fields),
            auth_preference: self.text(&fields, "auth_preference"),
            credentials: self.tables(&fields, "account").iter().map(|f| self.credentials(f)).collect(),
            to_access_points: self.texts(&fields, "access_points").unwrap_or(points),
            to_proxies: self.texts(&fields, "proxies").unwrap_or(proxies),
            rest: self.rest(&fields, "parms"),
            ..DmAccount::default()
        };
        // The object has one layout of addresses only.
        manager.addresses.iter_mut().for_each(|address| address.form = AddressForm::Long);
        if let Some(id) = manager.server_id.as_deref().filter(|id| Acl::read(&format!("Get={id}")).is_err()) {
            self.wrong(&fields, "server_id", format!("`{id}` cannot stand in an access control list"));
        }
        manager.access_points.clone_from(&account.access_points);
        manager.proxies.clone_from(&account.proxies);
        profile.device = self.text(&fields, "device");
        self.finish(&fields);
        profile.manager = Some(manager);
    }

    fn schema(&mut self, top: &Fields<'_>) {
        match top.take("schema").map(Value::text) {
            Some(Some("1")) => {}
            Some(_) => top.fault(self.report, &rules::BAD_VALUE, "schema", "this program reads `schema = 1`"),
            None => self.missing(top, "schema"),
        }
    }

    fn id(&mut self, top: &Fields<'_>) -> String {
        let Some(id) = self.plain(top, "id") else {
            self.missing(top, "id");
            return String::new();
        };
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if !(1..=32).contains(&id.len()) || !id.chars().all(fits) {
            let message = format!("`{id}` is no profile id: 1 to 32 lower-case letters, digits and `-`");
            self.wrong(top, "id", message);
        }
        id
    }

    fn service(&mut self, top: &Fields<'_>, profile: &mut Profile) {
        let Some(fields) = self.table(top, "service") else {
            return self.missing(top, "service");
        };
        profile.versions = self.words(&fields, "versions", accept::VERSIONS, &["1.3"]);
        profile.encodings = self.words(&fields, "encodings", accept::ENCODINGS, &["wbxml", "xml"]);
        profile.services = self.words(&fields, "services", SERVICES, SERVICES);
        let said = self.boolean(&fields, "accept_versions");
        let made = || Some(accept::write(&borrowed(&profile.versions), &borrowed(&profile.encodings), said));
        let account = &mut profile.account;
        account.accept = self.omissible(&fields, "accept").unwrap_or_else(made);
        account.services = self.omissible(&fields, "services_parm").flatten();
        account.client_id_prefix = self.text(&fields, "client_id_prefix");
        account.protocol = self.text(&fields, "protocol");
        account.addresses = self.addresses(&fields);
        let points = account.access_points.iter().map(|p| p.id.clone()).collect();
        let proxies = account.proxies.iter().map(|p| p.id.clone()).collect();
        account.to_access_points = self.texts(&fields, "access_points").unwrap_or(points);
        account.to_proxies = self.texts(&fields, "proxies").unwrap_or(proxies);
        account.rest = self.rest(&fields, "parms").parms;
        self.finish(&fields);
    }

    /// Reads `addresses`, a list of texts or tables; `address_form` and `port` are for those that are texts.
    fn addresses(&mut self, fields: &Fields<'_>) -> Vec<Address> {
        let form = self.form(fields, "address_form");
        let ports = self.ports(fields);
        let Some(value) = fields.take("addresses") else {
            self.missing(fields, "addresses");
            return Vec::new();
        };
        let mut addresses: Vec<Address> = value
            .items()
            .iter()
            .filter_map(|item| match &item.node {
                Node::Table(table) => {
                    Some(self.address(&Fields::new(table, item.span, fields.name("addresses")), form))
                }
                _ => {
                    let address = self.mark_value(item, &fields.name("addresses"))?;
                    Some(Address { form, address, ports: ports.clone(), ..Address::default() })
                }
            })
            .collect();
        // Parameters stand before characteristics, so short forms are met first.
        addresses.sort_by_key(|a| a.form == AddressForm::Long);
        if addresses.iter().any(|a| a.form == AddressForm::Short && !a.ports.is_empty()) {
            self.wrong(fields, "port", "the form `addr` has no place for a port: write it into the URL");
        }
        addresses
    }

    fn address(&mut self, fields: &Fields<'_>, form: AddressForm) -> Address {
        let address = Address {
            form: if fields.take("form").is_some() { self.form(fields, "form") } else { form },
            address: self.text(fields, "address").unwrap_or_default(),
            kind: self.text(fields, "type"),
            ports: self.ports(fields),
            rest: self.rest(fields, "parms"),
        };
        self.finish(fields);
        address
    }

    fn form(&mut self, fields: &Fields<'_>, key: &'static str) -> AddressForm {
        match self.words(fields, key, &["appaddr", "addr"], &["appaddr"]).pop().as_deref() {
            Some("addr") => AddressForm::Short,
            _ => AddressForm::Long,
        }
    }

    fn credentials(&mut self, fields: &Fields<'_>) -> Credentials {
        let credentials = Credentials {
            level: self.text(fields, "level"),
            kind: self.text(fields, "type"),
            user: self.text(fields, "user"),
            password: self.secret(fields, "password"),
            data: self.secret(fields, "data"),
            rest: self.rest(fields, "parms"),
        };
        self.finish(fields);
        credentials
    }

    fn connections(&mut self, top: &Fields<'_>, account: &mut ImpsAccount) {
        account.access_points = self.tables(top, "access_point").iter().map(|f| self.access_point(f)).collect();
        let points: Vec<String> = account.access_points.iter().map(|p| p.id.clone()).collect();
        account.proxies = self.tables(top, "proxy").iter().map(|f| self.proxy(f, &points)).collect();
    }

    fn access_point(&mut self, fields: &Fields<'_>) -> AccessPoint {
        let apn = self.text(fields, "apn");
        let packet_data = |word: &str| apn.is_some().then(|| word.to_owned());
        let id = self.required(fields, "id");
        let point = AccessPoint {
            // Handsets need a name to show.
            name: self.omissible(fields, "name").unwrap_or_else(|| Some(id.clone())),
            id,
            bearers: self.texts(fields, "bearer").unwrap_or_else(|| packet_data("GSM-GPRS").into_iter().collect()),
            address_kind: self.text(fields, "address_type").or_else(|| packet_data("APN")),
            address: self.text(fields, "address").or(apn),
            auths: self.tables(fields, "auth").iter().map(|f| self.credentials(f)).collect(),
            rest: self.rest(fields, "parms"),
        };
        self.finish(fields);
        point
    }

    fn proxy(&mut self, fields: &Fields<'_>, points: &[String]) -> Proxy {
        let id = self.required(fields, "id");
        let several = self.tables(fields, "physical");
        let mut proxy = Proxy {
            name: self.omissible(fields, "name").unwrap_or_else(|| Some(id.clone())),
            rest: self.rest(fields, "parms"),
            ..Proxy::default()
        };
        if fields.take("physical").is_none() {
            proxy.physical = vec![PhysicalProxy {
                id: self.text(fields, "physical_id").unwrap_or_else(|| id.clone()),
                ..self.physical(fields, points)
            }];
        } else {
            proxy.ports = self.ports(fields);
            proxy.physical = several.iter().map(|f| self.physical_table(f, points)).collect();
        }
        proxy.id = id;
        self.finish(fields);
        proxy
    }

    fn physical_table(&mut self, fields: &Fields<'_>, points: &[String]) -> PhysicalProxy {
        let id = self.required(fields, "id");
        let physical = PhysicalProxy { id, rest: self.rest(fields, "parms"), ..self.physical(fields, points) };
        self.finish(fields);
        physical
    }

    fn physical(&mut self, fields: &Fields<'_>, points: &[String]) -> PhysicalProxy {
        PhysicalProxy {
            address: self.required(fields, "address"),
            address_kind: self.text(fields, "address_type"),
            to_access_points: self.texts(fields, "access_points").unwrap_or_else(|| points.to_vec()),
            ports: self.ports(fields),
            ..PhysicalProxy::default()
        }
    }

    /// Reads `port`: a number, a table with number and services, or a list of those.
    fn ports(&mut self, fields: &Fields<'_>) -> Vec<Port> {
        let Some(value) = fields.take("port") else { return Vec::new() };
        let mut ports = Vec::new();
        for item in value.items() {
            let path = fields.name("port");
            match &item.node {
                Node::Table(table) => {
                    let fields = Fields::new(table, item.span, path);
                    ports.push(Port {
                        number: self.required(&fields, "number"),
                        services: self.texts(&fields, "service").unwrap_or_default(),
                        rest: self.rest(&fields, "parms"),
                    });
                    self.finish(&fields);
                }
                _ => ports.extend(self.mark_value(item, &path).map(|number| Port { number, ..Port::default() })),
            }
        }
        ports
    }

    /// Reads a table of parameters: texts, `true` for a flag, a list for a repeated one, a table (or several) for a
    /// characteristic.
    fn rest(&mut self, fields: &Fields<'_>, key: &'static str) -> Rest {
        match fields.take(key).map(|value| &value.node) {
            Some(Node::Table(table)) => self.rest_of(table, &fields.name(key)),
            Some(_) => {
                self.wrong(fields, key, format!("`{}` is a table", fields.name(key)));
                Rest::default()
            }
            None => Rest::default(),
        }
    }

    fn rest_of(&mut self, table: &Table, path: &str) -> Rest {
        let mut rest = Rest::default();
        for (name, _, value) in table.entries() {
            let path = format!("{path}.{name}");
            for item in value.items() {
                let name = name.to_owned();
                match &item.node {
                    Node::Table(table) => {
                        let below = self.rest_of(table, &path);
                        rest.children.push(Characteristic { kind: name, rest: below });
                    }
                    Node::Boolean(true) => rest.parms.push(Parm { name, value: None }),
                    _ => rest.parms.extend(self.mark_value(item, &path).map(|v| Parm { name, value: Some(v) })),
                }
            }
        }
        rest
    }

    fn required(&mut self, fields: &Fields<'_>, key: &'static str) -> String {
        self.text(fields, key).unwrap_or_else(|| {
            self.missing(fields, key);
            String::new()
        })
    }

    fn text(&mut self, fields: &Fields<'_>, key: &'static str) -> Option<String> {
        let value = fields.take(key)?;
        self.mark_value(value, &fields.name(key))
    }

    fn texts(&mut self, fields: &Fields<'_>, key: &'static str) -> Option<Vec<String>> {
        let value = fields.take(key)?;
        let path = fields.name(key);
        Some(value.items().iter().filter_map(|item| self.mark_value(item, &path)).collect())
    }

    /// Reads a text for which `omit` stands for none.
    fn omissible(&mut self, fields: &Fields<'_>, key: &'static str) -> Option<Option<String>> {
        self.text(fields, key).map(|text| (text != "omit").then_some(text))
    }

    /// Reads a text without placeholders.
    fn plain(&mut self, fields: &Fields<'_>, key: &'static str) -> Option<String> {
        let value = fields.take(key)?;
        let text = value.text().map(str::to_owned);
        if text.is_none() {
            self.wrong(fields, key, format!("`{}` is a text", fields.name(key)));
        }
        text
    }

    fn boolean(&mut self, fields: &Fields<'_>, key: &'static str) -> bool {
        match fields.take(key).map(|value| &value.node) {
            Some(Node::Boolean(boolean)) => *boolean,
            Some(_) => {
                self.wrong(fields, key, format!("`{}` is true or false", fields.name(key)));
                false
            }
            None => false,
        }
    }

    /// Reads one or several words of a list.
    fn words(&mut self, fields: &Fields<'_>, key: &'static str, known: Words, default: &[&str]) -> Vec<String> {
        self.known.entry(fields.path.clone()).or_default().insert(key, known);
        let Some(value) = fields.take(key) else { return default.iter().map(|w| (*w).to_owned()).collect() };
        let mut words = Vec::new();
        for item in value.items() {
            match item.text() {
                Some(word) if known.contains(&word) => words.push(word.to_owned()),
                _ => {
                    let message = format!("`{}` takes {}", fields.name(key), known.join(", "));
                    let mut finding = Diagnostic::new(&rules::BAD_VALUE, item.span, message).at(fields.name(key));
                    if let Some(near) = item.text().and_then(|word| nearest(word, known)) {
                        finding = finding.help(format!("did you mean `{near}`?"));
                    }
                    self.report.add(finding);
                }
            }
        }
        words
    }

    /// Reads a secret: a text, or `{ file = "…" }` or `{ env = "…" }`.
    fn secret(&mut self, fields: &Fields<'_>, key: &'static str) -> Option<Secret> {
        let value = fields.take(key)?;
        let Node::Table(table) = &value.node else {
            let text = self.mark_value(value, &fields.name(key))?;
            // Of a PIN that anybody can guess it need not be said that anybody can read it.
            let guessed = key == "pin" && checks::is_weak(&text);
            if !text.is_empty() && !guessed && slots_in(&text).next().is_none() {
                let message = format!("`{}` is a secret in plain text", fields.name(key));
                fields.fault(self.report, &rules::PLAIN_SECRET, key, message);
            }
            return Some(Secret::new(text));
        };
        let inner = Fields::new(table, value.span, fields.name(key));
        let file = self.plain(&inner, "file").map(SecretSource::File);
        let source = self.plain(&inner, "env").map(SecretSource::Environment).or(file);
        self.finish(&inner);
        let Some(source) = source else {
            self.wrong(fields, key, "write `{ file = \"…\" }` or `{ env = \"…\" }`");
            return None;
        };
        match (self.secret)(&source) {
            Ok(secret) => Some(Secret::new(self.mark(&escape(&secret), value.span, &fields.name(key)))),
            Err(why) => {
                self.wrong(fields, key, why);
                None
            }
        }
    }

    fn table<'t>(&mut self, fields: &Fields<'t>, key: &'static str) -> Option<Fields<'t>> {
        let value = fields.take(key)?;
        match &value.node {
            Node::Table(table) => Some(Fields::new(table, value.span, fields.name(key))),
            _ => {
                self.wrong(fields, key, format!("`{}` is a table", fields.name(key)));
                None
            }
        }
    }

    fn tables<'t>(&mut self, fields: &Fields<'t>, key: &'static str) -> Vec<Fields<'t>> {
        let Some(value) = fields.take(key) else { return Vec::new() };
        let Some(tables) = value.tables() else {
            self.wrong(fields, key, format!("`{0}` is a table or several, `[[{0}]]`", fields.name(key)));
            return Vec::new();
        };
        tables.into_iter().map(|(table, span)| Fields::new(table, span, fields.name(key))).collect()
    }

    fn mark_value(&mut self, value: &Value, path: &str) -> Option<String> {
        let Some(text) = value.text() else {
            let message = format!("`{path}` is a text");
            self.report.add(Diagnostic::new(&rules::BAD_VALUE, value.span, message).at(path));
            return None;
        };
        Some(self.mark(text, value.span, path))
    }

    /// Marks the placeholders of a text and reports those that name no column.
    pub(super) fn mark(&mut self, text: &str, span: Span, path: &str) -> String {
        if let Some(bad) = text.chars().find(|&c| !is_xml(c)) {
            let message = format!("U+{:04X} cannot stand in a document", u32::from(bad));
            self.report.add(Diagnostic::new(&rules::BAD_VALUE, span, message).at(path));
            return String::new();
        }
        let marked = match self.slots.mark(text) {
            Ok(marked) => marked,
            Err(fault) => {
                let message = match fault {
                    BadPlaceholder::Open => "a brace opens a placeholder that is not closed".to_owned(),
                    BadPlaceholder::Name(name) => format!("`{{{name}}}` is no placeholder"),
                    BadPlaceholder::Mark => "U+FFFF cannot stand in a document".to_owned(),
                    BadPlaceholder::TooMany => "there are more than 1000 different placeholders".to_owned(),
                };
                self.report.add(Diagnostic::new(&rules::PLACEHOLDER, span, message).at(path));
                return String::new();
            }
        };
        for slot in slots_in(&marked) {
            let name = &self.slots.names()[slot];
            if self.own_table || is_column(name) {
                continue;
            }
            let message = format!("`{{{name}}}` is no column of subscriber tables");
            let mut finding = Diagnostic::new(&rules::PLACEHOLDER, span, message).at(path);
            if let Some(near) = nearest(name, COLUMNS) {
                finding = finding.help(format!("did you mean `{{{near}}}`?"));
            }
            self.report.add(finding);
        }
        marked
    }

    /// Reports the keys that nobody asked for, and remembers the others.
    fn finish(&mut self, fields: &Fields<'_>) {
        fields.finish(self.report);
        let known = self.known.entry(fields.path.clone()).or_default();
        for key in fields.known() {
            known.entry(key).or_default();
        }
    }

    fn missing(&mut self, fields: &Fields<'_>, key: &str) {
        let name = fields.name(key);
        self.report.add(Diagnostic::new(&rules::MISSING_KEY, fields.span, format!("`{name}` is missing")).at(name));
    }

    fn wrong(&mut self, fields: &Fields<'_>, key: &str, message: impl Into<String>) {
        fields.fault(self.report, &rules::BAD_VALUE, key, message);
    }
}

fn borrowed(list: &[String]) -> Vec<&str> {
    list.iter().map(String::as_str).collect()
}
