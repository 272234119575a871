//! How freed memory is treated while a day is collected.
//!
//! Rule: a column that is freed goes back to the system at once. glibc would keep it for the next one: it raises its threshold for memory of
//! its own to what was freed last, and two days then take as much as four. Measured on days of 1.4 million samples: 92 MiB instead of 172.
//! Does not: do anything where the C library is another.

/// `M_MMAP_THRESHOLD` of `malloc.h`.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const MMAP_THRESHOLD: std::ffi::c_int = -3;

#[cfg(all(target_os = "linux", target_env = "gnu"))]
unsafe extern "C" {
    fn mallopt(parameter: std::ffi::c_int, value: std::ffi::c_int) -> std::ffi::c_int;
}

pub fn give_back_what_is_freed() {
    // SAFETY: mallopt takes two integers and keeps to itself; the value is the library's own default, which setting it makes lasting.
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    unsafe {
        mallopt(MMAP_THRESHOLD, 128 * 1024);
    }
}
