//! Calls that are given up on their way.

use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

/// A call that is polled more often than this is dropped at its first polls only.
pub(super) const MOST_POLLS: usize = 24;

/// At which polls a call is dropped when each time is followed by a wait for `settle`: fewer where that
/// is long, so that a case takes seconds and not minutes.
pub(super) fn polls(settle: Duration) -> impl Iterator<Item = usize> {
    let fits = Duration::from_secs(12).as_millis() / settle.as_millis().max(1);
    1..=usize::try_from(fits).unwrap_or(MOST_POLLS).clamp(2, MOST_POLLS)
}

/// What lands later than it may is waited for so long.
pub(super) const GRACE: Duration = Duration::from_millis(200);

/// Polls a call so many times and drops it then. `None` when it had not ended.
pub(super) async fn polled<T>(times: usize, call: impl Future<Output = T>) -> Option<T> {
    let mut call = pin!(call);
    let mut left = times;
    std::future::poll_fn(move |context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match call.as_mut().poll(context) {
            Poll::Ready(answer) => Poll::Ready(Some(answer)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}
