//! Counts what is allocated: peak memory by itself is that of making the month.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

pub struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        PEAK.fetch_max(NOW.fetch_add(layout.size(), Relaxed) + layout.size(), Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// Bytes that are allocated.
pub fn now() -> usize {
    NOW.load(Relaxed)
}

/// What a piece of work holds when it ends, and the most that it held, beside what was there before; in bytes.
pub fn of<T>(work: impl FnOnce() -> T) -> (T, usize, usize) {
    let before = now();
    PEAK.store(before, Relaxed);
    let done = work();
    (done, now() - before, PEAK.load(Relaxed) - before)
}
