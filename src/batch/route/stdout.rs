//! Messages as JSON lines on stdout: for a program behind a pipe. EDGE.

use std::fmt;
use std::io::{self, Write};

use super::{Body, Message, Needs, Outcome, Pace, Part, Route, RouteSettings};
use crate::error::{Error, Result, reason};

/// Lines for whoever reads our stdout. What a crash leaves unrecorded may have been read: a window of messages.
pub struct StdoutRoute {
    parts: Vec<Part>,
    window: usize,
    output: Box<dyn Write + Send>,
}

impl StdoutRoute {
    /// Writes to this process's stdout, which nothing else may then use.
    pub fn new(settings: &RouteSettings) -> Self {
        Self::to(settings, Box::new(io::stdout()))
    }

    fn to(settings: &RouteSettings, output: Box<dyn Write + Send>) -> Self {
        Self { parts: settings.parts.clone(), window: settings.window, output }
    }
}

impl fmt::Debug for StdoutRoute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StdoutRoute").field("parts", &self.parts).field("window", &self.window).finish_non_exhaustive()
    }
}

impl Route for StdoutRoute {
    fn needs(&self) -> Needs {
        Needs::Line(self.parts.clone())
    }

    fn window(&self) -> usize {
        self.window
    }

    fn submit(&mut self, messages: &[&Message], pace: &mut dyn Pace) -> Result<Vec<Outcome>> {
        let mut outcomes = vec![Outcome::NotSent; messages.len()];
        let failed = |error: &io::Error| Error::remote(reason(error)).at("<stdout>");
        for (message, outcome) in messages.iter().zip(&mut outcomes) {
            let Body::Line(line) = &message.body else { continue };
            if !pace.take(message.sms) {
                break;
            }
            self.output.write_all(line).map_err(|error| failed(&error))?;
            *outcome = Outcome::Taken { ids: Vec::new() };
        }
        self.output.flush().map_err(|error| failed(&error))?;
        Ok(outcomes)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::super::testing::{Allow, line};
    use super::*;

    #[derive(Clone, Default)]
    struct Pipe(Arc<Mutex<Vec<u8>>>, bool);

    impl Write for Pipe {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            if self.1 {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            self.0.lock().unwrap().extend_from_slice(octets);
            Ok(octets.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn writes_lines_in_order_until_the_pace_ends_and_fails_where_nobody_reads() {
        let settings = RouteSettings::named("stdout").unwrap();
        let pipe = Pipe::default();
        let mut route = StdoutRoute::to(&settings, Box::new(pipe.clone()));
        let messages = [line("A"), line("B"), line("C")];
        let messages: Vec<&Message> = messages.iter().collect();
        let outcomes = route.submit(&messages, &mut Allow::messages(2)).unwrap();
        let taken = Outcome::Taken { ids: Vec::new() };
        assert_eq!(outcomes, [taken.clone(), taken, Outcome::NotSent]);
        assert_eq!(pipe.0.lock().unwrap().as_slice(), b"{\"ref\":\"A\"}\n{\"ref\":\"B\"}\n");
        let mut route = StdoutRoute::to(&settings, Box::new(Pipe(Arc::default(), true)));
        assert_eq!(route.submit(&messages, &mut Allow::all()).unwrap_err().at.as_deref(), Some("<stdout>"));
    }
}
