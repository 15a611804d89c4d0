//! Receipts that gateways send to `serve`: `[server.receipts]`.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use impskit::batch::route::read_receipts;
use impskit::batch::store::Store;
use impskit::error::{Error, Result};
use impskit::server::{Callback, Called, Configuration, has_key};
use zeroize::Zeroizing;

use super::Ui;
use super::admin::now;
use super::profile::fetch_at;

/// Returns who takes the receipts of each route that the configuration names. `open` opens the store of the campaigns, `log` takes
/// lines for people.
///
/// # Errors
///
/// Says which secret cannot be read, or why the store cannot be opened.
pub(super) fn callbacks(
    configuration: &Configuration,
    open: impl Fn(&Path) -> Result<Store>,
    log: impl Fn(&str) + Copy + Send + 'static,
    ui: &mut Ui,
) -> Result<Vec<Callback>> {
    let Some(wanted) = &configuration.receipts else { return Ok(Vec::new()) };
    let store = Arc::new(Mutex::new(open(&wanted.store)?));
    let mut callbacks = Vec::new();
    for (route, secret) in &wanted.routes {
        let at = format!("server.receipts: route `{route}`");
        let key = Zeroizing::new(fetch_at(secret, &at, Path::new(""), ui)?);
        if key.is_empty() {
            return Err(Error::input("the key is empty").at(at));
        }
        let (path, route, store) = (format!("{}/{route}", wanted.path), route.clone(), store.clone());
        let answer = move |called: &Called| take(called, &route, &key, &store, log);
        callbacks.push(Callback { path, answer: Box::new(answer) });
    }
    Ok(callbacks)
}

/// Notes the receipts of one request; returns the status of HTTP.
fn take(called: &Called, route: &str, key: &str, store: &Mutex<Store>, log: impl Fn(&str)) -> u16 {
    let read = read_receipts(&called.media_type, &called.body);
    let in_form = read.as_ref().ok().and_then(|read| read.key.as_deref());
    if !has_key(called.authorization.as_deref(), in_form, key) {
        log(&format!("warning: somebody sent receipts for the route `{route}` without its key"));
        return 401;
    }
    let receipts = match read {
        Ok(read) => read.receipts,
        Err(why) => {
            log(&format!("warning: receipts of the route `{route}` cannot be read: {why}"));
            return 400;
        }
    };
    let seconds = i64::try_from(now().milliseconds() / 1000).unwrap_or(i64::MAX);
    let mut store = store.lock().unwrap_or_else(PoisonError::into_inner);
    match store.receive(route, &receipts, seconds) {
        Ok(received) => {
            if received.unknown > 0 {
                log(&format!(
                    "{} receipts of the route `{route}` name messages that are not known yet",
                    received.unknown
                ));
            }
            200
        }
        Err(error) => {
            log(&format!("warning: receipts of the route `{route}` cannot be kept: {}", error.what));
            503
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_has_the_key_may_send_receipts() {
        let store = Mutex::new(Store::in_memory().unwrap());
        let status = |media_type: &str, body: &str, authorization: Option<&str>| {
            let (media_type, body) = (media_type.to_owned(), body.as_bytes().to_vec());
            let called = Called { media_type, body, authorization: authorization.map(str::to_owned) };
            take(&called, "a", "s3cret", &store, |line| assert!(!line.contains("s3cret")))
        };
        let form = "application/x-www-form-urlencoded";
        assert_eq!(status(form, "id=x&type=1&key=s3cret", None), 200);
        assert_eq!(status(form, "id=x&type=1&key=S3cret", None), 401);
        assert_eq!(status(form, "id=x&type=1", None), 401);
        assert_eq!(status(form, "id=x&type=1", Some("Bearer s3cret")), 200);
        assert_eq!(status(form, "id=x&type=1&key=s3cret", Some("Bearer wrong")), 401);
        assert_eq!(status("application/json", "{\"receipt\":\"delivered\",\"id\":\"y\"}", Some("Bearer s3cret")), 200);
        assert_eq!(status("application/json", "nonsense", Some("Bearer s3cret")), 400);
        assert_eq!(status("application/json", "nonsense", None), 401);
        assert_eq!(store.lock().unwrap().unknown_receipts(&["a".to_owned()]).unwrap(), 2);
    }
}
