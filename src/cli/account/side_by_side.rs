//! The same done to some things at once.
//!
//! In: things, and what is done to one of them. Out: what came of each, in their order. Rule: a thread each, so whoever calls says how many are in memory.
//! Does not: go on where a worker panicked.

use std::thread;

pub fn side_by_side<T: Sync, R: Send>(things: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    thread::scope(|scope| {
        let work = &work;
        let handles: Vec<_> = things.iter().map(|thing| scope.spawn(move || work(thing))).collect();
        handles.into_iter().map(|handle| handle.join().expect("a worker that panics ends the program")).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_of_things_stands_in_their_order() {
        let slow_first = |thing: &u64| {
            thread::sleep(std::time::Duration::from_millis(20 - 5 * thing));
            thing * 10
        };
        assert_eq!(side_by_side(&[0, 1, 2, 3], slow_first), [0, 10, 20, 30]);
        assert!(side_by_side(&[], |thing: &u64| *thing).is_empty());
    }
}
