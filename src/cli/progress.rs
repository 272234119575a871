//! A bar on the terminal for work that takes long.
//!
//! In: a total and ticks. Out: a bar on stderr, only where stderr is a terminal; nothing at all where it is piped.
//! Rule: log lines and the bar share stderr, so that lines go above the bar and never into it. Assumes: one bar at a time.
//! Does not: write to stdout, or say anything that is not said elsewhere.

use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// The bar that is on the terminal now; log lines step around it.
static SHOWN: Mutex<Option<ProgressBar>> = Mutex::new(None);
/// What the bars that come are a part of; see [`Heading`].
static HEADING: Mutex<String> = Mutex::new(String::new());

/// What bars are a part of, such as `2025-11, 3 of 12`: it stands before the label of each bar that begins, until it is dropped.
pub struct Heading(());

impl Heading {
    pub fn new(text: &str) -> Self {
        *heading() = format!("{text}: ");
        Self(())
    }
}

impl Drop for Heading {
    fn drop(&mut self) {
        heading().clear();
    }
}

/// A bar that counts days, or whatever else `total` counts. It is gone from the terminal when it is done or dropped.
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// `label` stands before the bar: a verb and what it is done to, `collect prod-nl`.
    pub fn new(label: &str, total: u64) -> Self {
        let target = if is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(total), target).with_style(style()).with_prefix(format!("{}{label}", heading()));
        *shown() = Some(bar.clone());
        Self { bar }
    }

    /// One more is done; `message` says which is worked on now, `2026-10-03`.
    pub fn tick(&self, message: &str) {
        self.bar.set_message(message.to_owned());
        self.bar.inc(1);
    }

    /// What is worked on now, within one.
    pub fn note(&self, message: &str) {
        self.bar.set_message(message.to_owned());
    }

    /// So many are done; `message` says what is waited for.
    pub fn at(&self, message: &str, done: u64) {
        self.bar.set_message(message.to_owned());
        self.bar.set_position(done);
    }

    /// How many are done.
    pub fn position(&self) -> u64 {
        self.bar.position()
    }

    /// Takes the bar away; what was done is said by whoever did it.
    pub fn done(self) {
        // Dropping does it, on errors too.
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
        *shown() = None;
    }
}

/// Whether a person is looking at stderr.
pub fn is_terminal() -> bool {
    io::stderr().is_terminal()
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{prefix} {wide_bar} {pos}/{len} {msg} {elapsed}").expect("the template is a constant that a test parses")
}

fn heading() -> MutexGuard<'static, String> {
    HEADING.lock().unwrap_or_else(PoisonError::into_inner)
}

fn shown() -> MutexGuard<'static, Option<ProgressBar>> {
    // A bar is never left half changed, so a panic elsewhere does no harm to it.
    SHOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Stderr for log lines: takes the bar away, writes, and puts it back.
pub struct BesideTheBar;

impl Write for BesideTheBar {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let bar = shown().clone();
        let write = || io::stderr().write_all(bytes).map(|()| bytes.len());
        match bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_counts_its_ticks_and_leaves_nothing_behind() {
        let progress = Progress::new("collect prod-nl", 2);
        progress.tick("2026-10-01");
        progress.tick("2026-10-02");
        assert_eq!(progress.position(), 2);
        let bar = progress.bar.clone();

        progress.done();

        assert!(bar.is_finished());
        assert!(shown().is_none());
    }
}
