//! What needs unsafe code: a lock, a waker that counts no reference, a move of a reference into what it leads to, and asking
//! for memory before it is needed.
//!
//! The lock is of a few instructions: one atomic exchange to take it, one store to give it back.
//!
//! A lock that can put waiters to sleep needs a second atomic exchange when it is given back, to learn whether somebody
//! sleeps. Here that costs 5 ns, and a hop of a message takes six locks. Nothing that is done under this lock waits,
//! allocates without bound or calls foreign code, so whoever finds it taken spins a little and then lets others run.

#![expect(
    unsafe_code,
    reason = "each of these saves atomic operations or waits for memory that were most of the cost of a message"
)]

use std::{
    mem::ManuallyDrop,
    pin::Pin,
    sync::Arc,
    task::{Wake, Waker},
};

use crate::{
    exit::IntoExit,
    frame::MainFrame,
    process::{Process, Runnable, Wakes, park_in},
    sync::{AtomicBool, Ordering, hint, thread},
};

/// Lets a process wait: its frame, and in it the reference that leads to the process, goes where the process keeps it.
///
/// The process is locked through that same reference while the reference moves into what the lock protects. Another
/// reference would do without this, and cost two atomic additions for each message.
#[inline]
pub(crate) fn park<M, F>(frame: Pin<Box<MainFrame<M, F>>>, receives: bool) -> Result<(), (Runnable, Wakes)>
where
    M: Send + 'static,
    F: Future<Output: IntoExit> + Send + 'static,
{
    let process = frame.process_pointer();
    let runnable = Runnable::new(frame);
    // SAFETY: `runnable` keeps the process alive while somebody here owns it. `park_in` either returns it, or has stored it
    // inside of the process before it releases the lock. Whoever takes it out from there must take the lock first, and the
    // store that releases it is the last access through these references. As soon as that is done the process may be
    // freed; so neither this function nor any that it calls may hold a reference to a part of it that is not in a cell.
    let inner = unsafe { &(*process).inner };
    // SAFETY: as above; it is read under the lock.
    let condemned = unsafe { &(*process).header.condemned };
    park_in(inner, condemned, runnable, receives)
}

/// Calls something with the waker of an `Arc`, without counting one more reference to it.
#[inline]
pub(crate) fn with_waker<W, T>(woken: &Arc<W>, call: impl FnOnce(&Waker) -> T) -> T
where
    W: Wake + Send + Sync + 'static,
{
    // SAFETY: the pointer is that of an `Arc` which lives for as long as `woken` is borrowed, and the second `Arc` that is
    // made of it here is never dropped, so the count of references stays true.
    let alias = unsafe { Arc::from_raw(Arc::as_ptr(woken)) };
    let waker = ManuallyDrop::new(Waker::from(alias));
    call(&waker)
}

/// How much is fetched of one value at the most, in lines of memory.
const LINES_MAX: usize = 40;

/// Has a value fetched into the nearest cache, without waiting for it.
#[inline]
pub(crate) fn prefetch<T>(value: &T) {
    prefetch_lines(std::ptr::from_ref(value).cast(), size_of::<T>().div_ceil(64).min(LINES_MAX));
}

/// Likewise the process that a waker wakes. It does no harm if that is something else.
#[inline]
pub(crate) fn prefetch_woken(waker: &Waker) {
    prefetch_lines(waker.data(), size_of::<Process<()>>().div_ceil(64));
}

#[inline]
fn prefetch_lines(first: *const (), lines: usize) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let first = first.cast::<i8>();
        for line in 0..lines {
            // SAFETY: A prefetch reads nothing that the program could see and faults for no address.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(first.wrapping_add(64 * line)) };
        }
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = (first, lines);
}

/// How often a waiter looks before it gives its processor away: the holder may have lost its own.
const SPINS: u32 = if cfg!(any(loom, miri)) { 0 } else { 64 };

/// The lock's only state: whether it is taken.
#[derive(Debug)]
#[cfg_attr(all(loom, not(test)), expect(dead_code, reason = "under loom only the test of the lock uses it"))]
pub(crate) struct Spin(AtomicBool);

impl Spin {
    /// A lock that nobody holds.
    #[cfg(loom)]
    fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    #[inline]
    fn take(&self) {
        if !self.try_take() {
            self.wait();
        }
    }

    #[inline]
    fn try_take(&self) -> bool {
        self.0.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    #[inline]
    fn give_back(&self) {
        self.0.store(false, Ordering::Release);
    }

    #[cold]
    fn wait(&self) {
        loop {
            for _ in 0..SPINS {
                if !self.0.load(Ordering::Relaxed) {
                    break;
                }
                hint::spin_loop();
            }
            if self.try_take() {
                return;
            }
            thread::yield_now();
        }
    }
}

// SAFETY: `take` and `try_take` succeed only by changing `false` to `true`, which one thread alone can do until
// `give_back` stores `false` again; the acquire of that exchange sees everything before the release of that store.
#[cfg(not(loom))]
unsafe impl lock_api::RawMutex for Spin {
    const INIT: Self = Self(AtomicBool::new(false));

    type GuardMarker = lock_api::GuardSend;

    #[inline]
    fn lock(&self) {
        self.take();
    }

    #[inline]
    fn try_lock(&self) -> bool {
        self.try_take()
    }

    #[inline]
    unsafe fn unlock(&self) {
        self.give_back();
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::Arc;

    use crate::{Config, Context, Kernel, VirtualKernel, lock::Lock};

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the test needs threads that collide")]
    fn nobody_is_inside_with_somebody_else() {
        let rounds = if cfg!(miri) { 50 } else { 20_000 };
        let count = Arc::new(Lock::new(0_u64));
        let workers: Vec<_> = (0..4)
            .map(|_| {
                let count = Arc::clone(&count);
                std::thread::spawn(move || (0..rounds).for_each(|_| *count.lock() += 1))
            })
            .collect();
        workers.into_iter().for_each(|worker| worker.join().unwrap());
        assert_eq!(*count.lock(), 4 * rounds);
    }

    /// For Miri: parking moves the reference through which the process is locked.
    #[test]
    fn who_parks_is_woken() {
        let kernel = VirtualKernel::new(Config::with_workers(1));
        let receiver = kernel
            .spawn(async move |ctx: Context<u32>| {
                let sum = ctx.receive().await + ctx.receive().await;
                assert_eq!(sum, 3);
            })
            .unwrap();
        kernel.run_until_idle();
        receiver.try_send(1).unwrap();
        kernel.run_until_idle();
        receiver.try_send(2).unwrap();
        kernel.run_until_idle();
        assert!(!receiver.process().is_alive());
    }

    /// For Miri: the worker that parks a process may find that another already runs it, or that it has ended.
    #[test]
    fn who_parks_may_be_gone_before_the_lock_is_released() {
        let kernel = Kernel::start(Config::with_workers(2)).unwrap();
        for _ in 0..if cfg!(miri) { 5 } else { 500 } {
            let receiver =
                kernel.spawn(async move |ctx: Context<u32>| assert_eq!(ctx.receive().await, 1)).unwrap();
            let end = receiver.monitor();
            receiver.try_send(1).unwrap();
            drop(receiver);
            assert!(kernel.block_on(end).is_clean());
        }
    }

    #[test]
    fn a_taken_lock_is_refused() {
        let lock = Lock::new(1);
        let guard = lock.lock();
        assert!(lock.try_lock().is_none());
        drop(guard);
        assert!(lock.try_lock().is_some());
    }
}

#[cfg(all(test, loom))]
mod interleavings {
    use loom::{cell::UnsafeCell, sync::Arc};

    use super::*;

    struct Shared {
        lock: Spin,
        value: UnsafeCell<u32>,
    }

    // SAFETY: the value is touched only under the lock, which is what loom is to check.
    unsafe impl Sync for Shared {}

    fn add(shared: &Shared) {
        shared.lock.take();
        shared.value.with_mut(|value| {
            // SAFETY: the lock is held; loom reports it if somebody else is inside.
            unsafe { *value += 1 };
        });
        shared.lock.give_back();
    }

    #[test]
    fn additions_exclude_each_other() {
        loom::model(|| {
            let shared = Arc::new(Shared { lock: Spin::new(), value: UnsafeCell::new(0) });
            let other = Arc::clone(&shared);
            let thread = thread::spawn(move || add(&other));
            add(&shared);
            thread.join().unwrap();
            shared.lock.take();
            // SAFETY: locked above, and the other thread is gone.
            shared.value.with(|value| assert_eq!(unsafe { *value }, 2));
        });
    }
}
