//! A thread of its own that talks to a bucket, so that whoever asks may be anywhere, also in a runtime of its own.

use std::future::Future;
use std::sync::mpsc;

use anyhow::{Context, Result};
use tokio::runtime::{Builder, Runtime};

#[derive(Debug)]
pub struct Background(Option<Runtime>);

impl Background {
    pub fn start() -> Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("evidence").enable_all().build();
        Ok(Self(Some(runtime.context("start the thread that talks to the bucket")?)))
    }

    /// Does something there and waits for it here.
    pub fn wait<T: Send + 'static>(&self, doing: impl Future<Output = T> + Send + 'static) -> T {
        let (done, answer) = mpsc::channel();
        self.go(async move {
            // Nobody listens any more where the caller has ended.
            let _ = done.send(doing.await);
        });
        answer.recv().expect("the thread lives as long as this, and what it does for us does not panic")
    }

    /// Does something there meanwhile.
    pub fn go(&self, doing: impl Future<Output = ()> + Send + 'static) {
        self.0.as_ref().expect("it runs until it is dropped").spawn(doing);
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // Waiting for it is not allowed inside another runtime; what matters was waited for before.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_can_be_asked_and_dropped_inside_another_runtime() {
        let outer = Builder::new_current_thread().enable_all().build().unwrap();
        let answer = outer.block_on(async {
            let background = Background::start().unwrap();
            background.wait(async {
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                7
            })
        });
        assert_eq!(answer, 7);
    }
}
