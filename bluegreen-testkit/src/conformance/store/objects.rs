//! Objects that are written once.

use super::{StoreSubject, shown};
use crate::conformance::case::{CaseResult, hold};

/// An object is written once: the same body again is a conflict too, and changes nothing.
pub async fn an_object_is_written_once(subject: &StoreSubject) -> CaseResult {
    subject.put_new("shop/1", "one").await?;
    for body in ["two", "one"] {
        subject
            .conflicts("a second put_new", subject.store.put_new("shop/1", body.into()))
            .await?;
    }
    let object = subject.get("shop/1").await?;
    hold!(
        object.as_deref() == Some(b"one"),
        "after a put_new that conflicted, the object is {object:?}"
    );
    Ok(())
}

/// An object and a register of one name have nothing to do with each other.
pub async fn an_object_is_no_register(subject: &StoreSubject) -> CaseResult {
    subject.put_new("shop/1", "object").await?;
    let loaded = subject.load("shop/1").await?;
    hold!(
        loaded.is_none(),
        "an object was put, and the register holds {}",
        shown(loaded.as_ref())
    );
    let version = subject.put("shop/1", None, "register").await?;
    subject.put("only-register", None, "register").await?;
    let object = subject.get("only-register").await?;
    hold!(
        object.is_none(),
        "a register was written, and the object is {object:?}"
    );
    let listed = subject.list("", None, 10).await?;
    hold!(
        listed == ["shop/1"],
        "a register was written, and the list of objects is {listed:?}"
    );
    subject.delete("shop/1").await?;
    subject.put("shop/1", Some(version), "register again").await?;
    let object = subject.get("shop/1").await?;
    hold!(object.is_none(), "an object that was removed is {object:?}");
    Ok(())
}

/// An object that is removed twice is removed; then it may be put again.
pub async fn delete_twice_is_once(subject: &StoreSubject) -> CaseResult {
    subject.put_new("shop/1", "one").await?;
    subject.put_new("shop/10", "ten").await?;
    for _ in 0..2 {
        subject.delete("shop/1").await?;
        let object = subject.get("shop/1").await?;
        hold!(object.is_none(), "an object that was removed is {object:?}");
    }
    let listed = subject.list("shop/", None, 10).await?;
    hold!(
        listed == ["shop/10"],
        "after the removal of shop/1, {listed:?} are listed"
    );
    subject.put_new("shop/1", "again").await?;
    let object = subject.get("shop/1").await?;
    hold!(
        object.as_deref() == Some(b"again"),
        "an object that was put again is {object:?}"
    );
    Ok(())
}

/// Pages follow each other in ascending order without a gap or a repetition, whatever the order of the writes.
pub async fn objects_are_listed_in_order_page_by_page(subject: &StoreSubject) -> CaseResult {
    let keys: Vec<String> = (0..25)
        .map(|number| format!("shop/events/{number:010}"))
        .collect();
    for key in keys.iter().rev() {
        subject.put_new(key, "{}").await?;
    }
    for limit in [1, 7, 25, 1_000] {
        let mut listed: Vec<String> = Vec::new();
        while listed.len() <= keys.len() {
            let page = subject
                .list("shop/events/", listed.last().map(String::as_str), limit)
                .await?;
            hold!(
                page.len() <= limit,
                "a page of at most {limit} has {}",
                page.len()
            );
            if page.is_empty() {
                break;
            }
            listed.extend(page);
        }
        hold!(listed == keys, "in pages of {limit}, listed are {listed:?}");
    }
    Ok(())
}

/// A list holds what begins with the prefix and nothing else, begins after `after`, whether that is
/// there or not, and is empty with a limit of 0.
pub async fn a_list_keeps_to_its_prefix_after_and_limit(subject: &StoreSubject) -> CaseResult {
    for key in [
        "a", "shop", "shop-2/1", "shop/1", "shop/2", "shop/2/x", "shop_x", "shopper", "z",
    ] {
        subject.put_new(key, "{}").await?;
    }
    for (prefix, after, limit, expected) in [
        ("shop/", None, 10, &["shop/1", "shop/2", "shop/2/x"] as &[&str]),
        ("shop/2", None, 10, &["shop/2", "shop/2/x"]),
        (
            "shop",
            None,
            10,
            &[
                "shop", "shop-2/1", "shop/1", "shop/2", "shop/2/x", "shop_x", "shopper",
            ],
        ),
        ("shop", Some("shop"), 2, &["shop-2/1", "shop/1"]),
        ("shop/", Some("shop/1.5"), 10, &["shop/2", "shop/2/x"]),
        ("shop/", Some("a"), 1, &["shop/1"]),
        ("shop/", Some("z"), 10, &[]),
        ("shop/", Some("shop/2/x"), 10, &[]),
        ("none/", None, 10, &[]),
        ("", None, 1, &["a"]),
        ("", Some("shopper"), 10, &["z"]),
        ("", None, 0, &[]),
    ] {
        let listed = subject.list(prefix, after, limit).await?;
        hold!(
            listed == expected,
            "list of {prefix:?} after {after:?}, at most {limit}, has to be {expected:?} and is {listed:?}"
        );
    }
    Ok(())
}
