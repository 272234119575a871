//! A live exporter for a real Prometheus to scrape: what it shows is worked out anew at every scrape.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

pub struct Exporter {
    port: u16,
    scrapes: Arc<Mutex<Vec<String>>>,
    is_closed: Arc<AtomicBool>,
}

impl Exporter {
    /// `page` gets the number of the scrape, from 0 up.
    pub fn showing(page: impl Fn(usize) -> String + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (scrapes, is_closed) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (of_thread, until) = (Arc::clone(&scrapes), Arc::clone(&is_closed));
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if until.load(Ordering::SeqCst) {
                    return;
                }
                let text = page(of_thread.lock().unwrap().len());
                if answer(client, &text).is_ok() {
                    of_thread.lock().unwrap().push(text);
                }
            }
        });
        Self { port, scrapes, is_closed }
    }

    /// `host:port`, as a scrape configuration names a target.
    pub fn target(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// What every scrape so far was shown.
    pub fn scrapes(&self) -> Vec<String> {
        self.scrapes.lock().unwrap().clone()
    }

    pub fn wait_for_scrapes(&self, count: usize) {
        while self.scrapes.lock().unwrap().len() < count {
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// From here on nobody answers. Gives back what was shown.
    pub fn stop(self) -> Vec<String> {
        self.scrapes()
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        self.is_closed.store(true, Ordering::SeqCst);
        // Wakes the accepting thread, which then lets go of the port.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

fn answer(mut client: TcpStream, text: &str) -> std::io::Result<()> {
    let mut lines = BufReader::new(client.try_clone()?);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if lines.read_line(&mut head)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
    let length = text.len();
    write!(
        client,
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{text}"
    )
}
