//! Who logged in lately, as a server's feed of logins tells it: what confirms that settings have arrived. EDGE.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use ureq::http::{Request, Uri};
use zeroize::Zeroizing;

use super::route::{Client, Reply, clean, is_open, read_url};
use super::store::Login;
use super::units::instant;
use crate::error::{Error, Result};
use crate::server::LOGINS;

/// Octets of a page that are taken.
const MOST_PAGE: u64 = 1 << 20;
/// Octets of a user or a client that are taken.
const MOST_NAME: usize = 512;
/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Who can be asked for logins.
pub trait Logins: fmt::Debug + Sync {
    /// Returns what it is called; the numbers of its logins are its own.
    fn name(&self) -> &str;

    /// Returns the first logins behind a number with theirs, oldest first; none where there are no more.
    ///
    /// # Errors
    ///
    /// Says why it cannot be asked now.
    fn after(&self, number: u64) -> Result<Vec<(u64, Login)>>;
}

/// The feed of logins of a server, over HTTP.
pub struct Feed {
    server: String,
    token: Option<Zeroizing<String>>,
    client: Client,
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feed").field("server", &self.server).finish_non_exhaustive()
    }
}

/// A line of the feed, `impskit.login/1`.
#[derive(Deserialize)]
struct Line {
    schema: String,
    number: u64,
    time: String,
    user: String,
    client: Option<String>,
}

impl Feed {
    /// Makes the feed of a server such as `http://127.0.0.1:8080`; nothing is asked yet.
    ///
    /// # Errors
    ///
    /// Fails where that is no address of a server, or the token cannot stand in a header.
    pub fn new(server: &str, token: Option<String>) -> Result<Self> {
        let at = |error: Error| error.at("confirm.server");
        let help = ("write `server = \"http://127.0.0.1:8080\"`", "write `token = { env = \"NAME\" }` beside it");
        let uri: Uri = read_url(server, "server", help).map_err(at)?;
        if uri.path_and_query().is_some_and(|path| path.as_str() != "/") {
            return Err(at(Error::input("`server` has a path").help(help.0)));
        }
        if token.as_deref().is_some_and(|token| token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic())) {
            return Err(Error::input("the token is empty, or has characters that no header has").at("confirm.token"));
        }
        let server = server.trim_end_matches('/').to_owned();
        Ok(Self { server, token: token.map(Zeroizing::new), client: Client::with(PATIENCE, 1, MOST_PAGE) })
    }

    /// Returns what people should know of it.
    pub fn note(&self) -> Option<&'static str> {
        let uri = self.server.parse::<Uri>().ok()?;
        (self.token.is_some() && is_open(&uri)).then_some("the token can be read on the way to the server")
    }

    fn ask(&self, number: u64) -> std::result::Result<Vec<(u64, Login)>, String> {
        let mut request = Request::get(format!("{}{LOGINS}?after={number}", self.server));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {}", token.as_str()));
        }
        let request = request.body(Vec::new()).map_err(|_| "the request cannot be made".to_owned())?;
        match self.client.send(request) {
            Reply::Answer { status: 200, body } => read(&body),
            Reply::Answer { status: 401, .. } => Err("the server does not know the token".to_owned()),
            Reply::Answer { status: 404, .. } => Err("the server has no feed of logins".to_owned()),
            Reply::Answer { status, .. } => Err(format!("the server answers {status}")),
            Reply::NotSent { text, .. } | Reply::Lost { text, .. } => Err(text),
        }
    }
}

impl Logins for Feed {
    fn name(&self) -> &str {
        &self.server
    }

    fn after(&self, number: u64) -> Result<Vec<(u64, Login)>> {
        self.ask(number).map_err(|why| Error::remote(why).at(&self.server))
    }
}

/// Reads a page. A line that did not come whole is for the next one.
fn read(body: &[u8]) -> std::result::Result<Vec<(u64, Login)>, String> {
    let end = body.iter().rposition(|octet| *octet == b'\n').map_or(0, |end| end + 1);
    if end == 0 && !body.is_empty() {
        return Err("the answer is no feed of logins".to_owned());
    }
    let text = std::str::from_utf8(&body[..end]).map_err(|_| "the feed is no UTF-8".to_owned())?;
    let login = |(place, line)| {
        let wrong = |why: &str| format!("line {} of the feed: {}", place + 1, clean(why));
        let Line { schema, number, time, user, client } =
            serde_json::from_str(line).map_err(|error| wrong(&error.to_string()))?;
        let at = instant(&time).ok_or_else(|| wrong("`time` is no time"))?;
        match () {
            () if schema != "impskit.login/1" => Err(wrong("`schema` is not `impskit.login/1`")),
            () if user.len() > MOST_NAME => Err(wrong("`user` is too long")),
            () => Ok((number, Login { who: user, client: client.as_deref().map(clean), at })),
        }
    };
    text.lines().enumerate().map(login).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines are by hand; 2026-11-23T03:10:50Z is 1795403450 (`date -u -d`).
    #[test]
    fn reads_a_page_and_says_what_is_none() {
        let first = "{\"schema\":\"impskit.login/1\",\"number\":17,\"time\":\"2026-11-23T03:10:50Z\",\
                     \"user\":\"wv:anna@acme.example\",\"client\":\"acme-1\"}\n";
        let (who, client) = ("wv:anna@acme.example".to_owned(), Some("acme-1".to_owned()));
        let login = (17, Login { who, client, at: 1_795_403_450 });
        assert_eq!(read(first.as_bytes()), Ok(vec![login.clone()]));
        assert_eq!(read(format!("{first}{{\"schema\":\"imps").as_bytes()), Ok(vec![login]), "half a line");
        assert_eq!(read(b""), Ok(Vec::new()));
        for (body, why) in [
            ("<html>", "no feed"),
            ("<html>\n", "line 1 of the feed"),
            (&first.replace("login/1", "login/2"), "`schema`"),
            (&first.replace("2026", "soon"), "`time`"),
            (&first.replace("anna", &"a".repeat(600)), "`user`"),
        ] {
            assert!(read(body.as_bytes()).unwrap_err().contains(why), "{body}");
        }
    }

    #[test]
    fn takes_addresses_of_servers_only() {
        for (server, why) in [
            ("ftp://a", "no http address"),
            ("http://u:hunter2@a", "holds a password"),
            ("http://a/csp", "has a path"),
            ("a b", "no address"),
        ] {
            let error = Feed::new(server, None).unwrap_err().to_string();
            assert!(error.contains(why) && !error.contains("hunter2"), "{error}");
        }
        assert!(Feed::new("http://a", Some("two words".to_owned())).unwrap_err().to_string().contains("token"));
        assert!(!format!("{:?}", Feed::new("http://a", Some("hunter2".to_owned())).unwrap()).contains("hunter2"));
        assert!(Feed::new("http://a", Some("t".to_owned())).unwrap().note().is_some());
        assert_eq!(Feed::new("http://127.0.0.1:1/", Some("t".to_owned())).unwrap().note(), None);
    }
}
