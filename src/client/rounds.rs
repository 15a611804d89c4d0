//! A script again and again by the same clients: they come in once, what lies between is repeated, and they leave.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Event;
use super::conversation::{Post, Posts, Stage};
use super::script::{Mistake, Script, Step};
use crate::csp::Version;
use crate::csp::wire::Form;

/// The clients of a script, and what they do again and again.
pub struct Rounds<'s, P> {
    stage: Stage<'s, Posts<P>>,
    entry: &'s [Step],
    round: &'s [Step],
    exit: &'s [Step],
    /// The values that were kept when all were in.
    kept: BTreeMap<String, String>,
}

impl<'s, P: FnMut(Post<'_>) -> Event> Rounds<'s, P> {
    /// Returns clients that are not in yet; `post` is as that of [`super::conversation::play`].
    pub fn new(script: &'s Script, version: Version, form: Form, post: P) -> Self {
        let [entry, round, exit] = script.parts();
        let stage = Stage::new(script, version, form, Posts(post));
        Self { stage, entry, round, exit, kept: BTreeMap::new() }
    }

    /// Lets new clients in: the logins that the script begins with.
    ///
    /// # Errors
    ///
    /// Names the first line that does not come true, as the others do.
    pub fn enter(&mut self, now: Duration) -> Result<(), Mistake> {
        self.stage.clear();
        self.play(self.entry, now)?;
        self.kept.clone_from(&self.stage.kept);
        Ok(())
    }

    /// Plays what lies between logins and logouts; values of the round before are forgotten.
    ///
    /// # Errors
    ///
    /// As [`Rounds::enter`].
    pub fn round(&mut self, now: Duration) -> Result<(), Mistake> {
        self.stage.kept.clone_from(&self.kept);
        self.play(self.round, now)
    }

    /// Lets the clients leave: the logouts that the script ends with.
    ///
    /// # Errors
    ///
    /// As [`Rounds::enter`].
    pub fn leave(&mut self, now: Duration) -> Result<(), Mistake> {
        self.play(self.exit, now)
    }

    fn play(&mut self, steps: &[Step], now: Duration) -> Result<(), Mistake> {
        self.stage.pass(now);
        self.stage.play(steps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What each part of a script begins with, by its lines.
    fn parts(text: &str) -> [Vec<usize>; 3] {
        let script = Script::read(text).unwrap();
        script.parts().map(|steps| steps.iter().map(|step| step.line).collect())
    }

    #[test]
    fn what_lies_between_logins_and_logouts_is_repeated() {
        let text = "romeo logs in as wv:romeo\njuliet logs in as wv:juliet\nromeo receives nothing\nafter 1 minute\n\
                    romeo logs out\njuliet logs out\n";
        assert_eq!(parts(text), [vec![1, 2], vec![3, 4], vec![5, 6]]);
        // Who leaves and comes again in between does it each time.
        let text = "romeo logs in as wv:romeo\nromeo receives nothing\nromeo logs out\nromeo logs in as wv:romeo\n";
        assert_eq!(parts(text), [vec![1], vec![2, 3, 4], vec![]]);
        let text = "romeo logs in as wv:romeo\nromeo logs out\n";
        assert_eq!(parts(text), [vec![], vec![1, 2], vec![]], "the logins are what is repeated");
    }
}
