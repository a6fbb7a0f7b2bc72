//! What an alert takes.

#![allow(unsafe_code, reason = "a global allocator, which counts")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use falco_client::Alert;

use super::{recorded, RECORDINGS};

/// Counts what a thread allocates.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
    static LIVE: Cell<isize> = const { Cell::new(0) };
}

// SAFETY: hands everything on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        LIVE.set(LIVE.get() + layout.size() as isize);
        System.alloc(layout)
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        LIVE.set(LIVE.get() - layout.size() as isize);
        System.dealloc(memory, layout);
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

#[test]
fn an_alert_is_little_more_than_its_bytes() {
    for name in RECORDINGS {
        for message in recorded(name) {
            let length = message.len();
            let (allocations, live) = (ALLOCATIONS.get(), LIVE.get() - length as isize);
            let alert = Alert::from_bytes(message).unwrap();
            let allocations = ALLOCATIONS.get() - allocations;
            let size = (LIVE.get() - live) as usize + size_of::<Alert>();
            if !alert.is_lossy() {
                assert!(allocations <= 2, "{allocations} beside the message's own");
                assert!(
                    size <= length * 13 / 10 + 256,
                    "{name}: {size} for {length}"
                );
            }
        }
    }
}
