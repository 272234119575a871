//! A bucket in memory that can be told to fail, or to forget its conditions.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicIsize, Ordering};

use futures_util::future::BoxFuture;
use futures_util::stream::{BoxStream, StreamExt};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyMode, CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

#[derive(Debug)]
pub struct Faulty {
    inner: InMemory,
    /// Changes that are still made; after them each fails, until it is set anew.
    changes_left: AtomicIsize,
    pub ignores_conditions: AtomicBool,
    /// As object_store 0.13.2 has Google Cloud Storage do.
    pub copies_only_where_nothing_is: AtomicBool,
}

impl Faulty {
    pub fn new() -> Arc<Self> {
        let changes_left = AtomicIsize::new(isize::MAX);
        let [ignores_conditions, copies_only_where_nothing_is] = [false; 2].map(AtomicBool::new);
        Arc::new(Self { inner: InMemory::new(), changes_left, ignores_conditions, copies_only_where_nothing_is })
    }

    pub fn fail_after(&self, changes: usize) {
        self.changes_left.store(changes.try_into().unwrap(), Ordering::SeqCst);
    }

    pub fn works_again(&self) {
        self.changes_left.store(isize::MAX, Ordering::SeqCst);
    }

    fn change(&self) -> Result<()> {
        if self.changes_left.fetch_sub(1, Ordering::SeqCst) > 0 {
            return Ok(());
        }
        Err(Error::Generic { store: "faulty", source: "Server returned non-2xx status code: 503 Service Unavailable: ".into() })
    }
}

impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("faulty")
    }
}

impl ObjectStore for Faulty {
    fn put_opts<'a, 'b, 'c>(&'a self, location: &'b Path, payload: PutPayload, mut options: PutOptions) -> BoxFuture<'c, Result<PutResult>>
    where
        'a: 'c,
        'b: 'c,
        Self: 'c,
    {
        Box::pin(async move {
            self.change()?;
            if self.ignores_conditions.load(Ordering::SeqCst) {
                options.mode = PutMode::Overwrite;
            }
            self.inner.put_opts(location, payload, options).await
        })
    }

    fn put_multipart_opts<'a, 'b, 'c>(
        &'a self,
        location: &'b Path,
        options: PutMultipartOptions,
    ) -> BoxFuture<'c, Result<Box<dyn MultipartUpload>>>
    where
        'a: 'c,
        'b: 'c,
        Self: 'c,
    {
        Box::pin(async move {
            self.change()?;
            self.inner.put_multipart_opts(location, options).await
        })
    }

    fn get_opts<'a, 'b, 'c>(&'a self, location: &'b Path, options: GetOptions) -> BoxFuture<'c, Result<GetResult>>
    where
        'a: 'c,
        'b: 'c,
        Self: 'c,
    {
        self.inner.get_opts(location, options)
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        match self.change() {
            Ok(()) => self.inner.delete_stream(locations),
            Err(error) => futures_util::stream::iter([Err(error)]).boxed(),
        }
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    fn list_with_delimiter<'a, 'b, 'c>(&'a self, prefix: Option<&'b Path>) -> BoxFuture<'c, Result<ListResult>>
    where
        'a: 'c,
        'b: 'c,
        Self: 'c,
    {
        self.inner.list_with_delimiter(prefix)
    }

    fn copy_opts<'a, 'b, 'd, 'c>(&'a self, from: &'b Path, to: &'d Path, mut options: CopyOptions) -> BoxFuture<'c, Result<()>>
    where
        'a: 'c,
        'b: 'c,
        'd: 'c,
        Self: 'c,
    {
        Box::pin(async move {
            self.change()?;
            if self.copies_only_where_nothing_is.load(Ordering::SeqCst) {
                options.mode = CopyMode::Create;
            }
            self.inner.copy_opts(from, to, options).await
        })
    }
}
