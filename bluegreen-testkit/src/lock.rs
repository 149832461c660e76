//! Taking a lock of a fake. A test that panicked while it held one must not hide its own message
//! behind a second panic, so poison is ignored.

use std::sync::{Mutex, MutexGuard, PoisonError};

pub(crate) fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
