//! A TCP stream that does not wait for ever.
//!
//! In: a stream. Out: the same, with two clocks. Rule: where nothing that is written is taken for the given time, writing fails; when the connection is ended, what the client is
//! still sending is read for a moment and thrown away, because a close with unread bytes takes the answer before it away from the client (RFC 9112, section 9.6).
//! Does not: limit how long reading takes; that is the HTTP reader's.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};

/// How long, and how much, is read of a client that goes on sending.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 4 * 1024 * 1024;

pub struct Socket {
    stream: TcpStream,
    patience: Duration,
    /// Runs while something is to be written.
    stalled: Option<Pin<Box<Sleep>>>,
    /// Runs after the last byte was written.
    lingering: Option<(Pin<Box<Sleep>>, usize)>,
}

impl Socket {
    pub fn new(stream: TcpStream, patience: Duration) -> Self {
        Self { stream, patience, stalled: None, lingering: None }
    }

    /// What a write says; where it has to wait, for how long yet.
    fn timed<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let patience = self.patience;
        let clock = self.stalled.get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(clock.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client takes nothing")))
    }
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.timed(cx, written)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, slices: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.timed(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.lingering.is_none() {
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
            self.lingering = Some((Box::pin(sleep(LINGER)), 0));
        }
        let this = &mut *self;
        let Some((clock, thrown_away)) = &mut this.lingering else { return Poll::Ready(Ok(())) };
        let mut bytes = [0; 8 * 1024];
        loop {
            if clock.deadline() <= Instant::now() || clock.as_mut().poll(cx).is_ready() || *thrown_away > LINGER_BYTES {
                return Poll::Ready(Ok(()));
            }
            let mut buffer = ReadBuf::new(&mut bytes);
            match ready!(Pin::new(&mut this.stream).poll_read(cx, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => *thrown_away += buffer.filled().len(),
                // The client has closed it too, or has gone.
                Ok(()) | Err(_) => return Poll::Ready(Ok(())),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    async fn pair(patience: Duration) -> (Socket, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (Socket::new(listener.accept().await.unwrap().0, patience), client)
    }

    #[tokio::test]
    async fn a_client_that_takes_nothing_is_left_and_one_that_is_slow_is_not() {
        let (mut socket, _client) = pair(Duration::from_millis(200)).await;
        let error = socket.write_all(&vec![0; 64 * 1024 * 1024]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);

        let (mut socket, mut client) = pair(Duration::from_millis(500)).await;
        let reader = tokio::spawn(async move {
            let (mut total, mut piece) = (0, vec![0; 512 * 1024]);
            while total < 16 * 1024 * 1024 {
                sleep(Duration::from_millis(20)).await;
                total += client.read(&mut piece).await.unwrap();
            }
        });
        let started = Instant::now();
        socket.write_all(&vec![0; 16 * 1024 * 1024]).await.unwrap();
        reader.await.unwrap();
        assert!(started.elapsed() > Duration::from_millis(500), "it was not slow");
    }

    #[tokio::test]
    async fn an_answer_arrives_although_the_client_goes_on_sending() {
        let (mut socket, mut client) = pair(Duration::from_secs(1)).await;
        client.write_all(&vec![0; 1024 * 1024]).await.unwrap();
        socket.write_all(b"no").await.unwrap();
        let closing = tokio::spawn(async move { socket.shutdown().await });

        let mut answer = Vec::new();
        client.read_to_end(&mut answer).await.unwrap();
        assert_eq!(answer, b"no");
        drop(client);
        closing.await.unwrap().unwrap();
    }
}
