//! The compare-and-swap register.

use bluegreen_core::StoreVersion;
use bytes::Bytes;

use super::{StoreSubject, shown};
use crate::conformance::case::{CaseResult, hold};

/// The largest body of a register: it stays under 64 KiB.
const LARGEST: usize = 64 * 1024 - 1;

/// A store in which nothing was written holds nothing, and says so without an error.
pub async fn nothing_is_there_before_it_is_written(subject: &StoreSubject) -> CaseResult {
    let loaded = subject.load("shop").await?;
    hold!(loaded.is_none(), "a fresh store holds {}", shown(loaded.as_ref()));
    let object = subject.get("shop/1").await?;
    hold!(object.is_none(), "a fresh store holds the object {object:?}");
    let listed = subject.list("", None, 10).await?;
    hold!(listed.is_empty(), "a fresh store lists {listed:?}");
    subject.delete("shop/1").await
}

/// A body comes back byte for byte, up to 64 KiB: empty, binary, with the line ends and quotes that
/// formats stumble over. The version that `store` returned is the one that `load` gives.
pub async fn what_was_stored_is_loaded_byte_for_byte(subject: &StoreSubject) -> CaseResult {
    let every_byte: Vec<u8> = (0..=255).collect();
    let bodies: [(&str, Bytes); 6] = [
        ("empty", Bytes::new()),
        ("every byte", every_byte.into()),
        ("line ends", Bytes::from_static(b"\r\n\n\r{\"a\":1}\n\n")),
        (
            "quotes",
            Bytes::from_static(br#"'; DROP TABLE records; -- \' "" $1 {0} %s"#),
        ),
        ("almost 64 KiB", vec![b'x'; LARGEST].into()),
        ("almost 64 KiB of zeros", vec![0; LARGEST].into()),
    ];
    for (number, (what, body)) in bodies.into_iter().enumerate() {
        let (register, object) = (format!("shop-{number}"), format!("objects/{number}"));
        let version = subject.put(&register, None, body.clone()).await?;
        let loaded = subject
            .holds(&register, &body, &format!("after a body with {what} was stored"))
            .await?;
        hold!(
            loaded == version,
            "{what}: store returned {version:?}, load gives {loaded:?}"
        );
        subject.put_new(&object, body.clone()).await?;
        let got = subject.get(&object).await?;
        hold!(
            got.as_ref() == Some(&body),
            "an object with {what} did not come back as it was put"
        );
    }
    Ok(())
}

/// A write goes through over the version that was read and over no other: not over one before, not
/// where there is none, not as the first where there is one.
pub async fn a_register_is_written_only_over_the_version_that_was_read(subject: &StoreSubject) -> CaseResult {
    let store = &subject.store;
    let first = subject.put("shop", None, "one").await?;
    subject
        .conflicts("a second first write", store.store("shop", None, "x".into()))
        .await?;
    let missing = store.store("other", Some(first.clone()), "x".into());
    subject
        .conflicts("a write over a version of nothing", missing)
        .await?;
    let loaded = subject.load("other").await?;
    hold!(
        loaded.is_none(),
        "a write that conflicted left {}",
        shown(loaded.as_ref())
    );
    let second = subject.put("shop", Some(first.clone()), "two").await?;
    for (what, version) in [("the version before", Some(first)), ("no version", None)] {
        let write = store.store("shop", version, "x".into());
        subject.conflicts(&format!("a write over {what}"), write).await?;
    }
    let version = subject
        .holds("shop", b"two", "after writes that conflicted")
        .await?;
    hold!(
        version == second,
        "a write that conflicted changed the version from {second:?} to {version:?}"
    );
    // Reading is not writing.
    subject.put("shop", Some(version), "three").await.map(drop)
}

/// The same body again is not the same version again: who has read the first one must not win over the third.
pub async fn a_version_never_comes_back(subject: &StoreSubject) -> CaseResult {
    let mut versions = vec![subject.put("shop", None, "0").await?];
    for round in 1..12_u32 {
        let body = (round % 2).to_string();
        let next = subject
            .put("shop", versions.last().cloned(), body.clone())
            .await?;
        let again = versions.iter().position(|version| *version == next);
        hold!(
            again.is_none(),
            "write {round} has the version {next:?} of write {again:?}"
        );
        for old in &versions {
            let write = subject.store.store("shop", Some(old.clone()), "x".into());
            subject
                .conflicts("a write over an old version with the same body", write)
                .await?;
        }
        subject
            .holds("shop", body.as_bytes(), "after writes over old versions")
            .await?;
        versions.push(next);
    }
    Ok(())
}

/// A version that this store never gave out is a conflict, whatever it looks like.
pub async fn a_strange_version_is_a_conflict(subject: &StoreSubject) -> CaseResult {
    let real = subject.put("shop", None, "one").await?;
    let long = "9".repeat(4_000);
    for text in [
        "",
        "0",
        "-1",
        "nonsense",
        "' OR 1=1 --",
        "\"*\"",
        "*",
        "../..",
        "18446744073709551616",
        &long,
    ] {
        let strange = StoreVersion(text.to_owned());
        if strange == real {
            continue;
        }
        let what = format!("a write over the version {:?}", text.get(..20).unwrap_or(text));
        let write = subject.store.store("shop", Some(strange.clone()), "x".into());
        subject.conflicts(&what, write).await?;
        let write = subject.store.store("nothing", Some(strange), "x".into());
        subject.conflicts(&what, write).await?;
    }
    subject
        .holds("shop", b"one", "after writes over strange versions")
        .await
        .map(drop)
}

/// Keys that look alike, or lie one in the other, are different registers and different objects.
pub async fn keys_do_not_touch_each_other(subject: &StoreSubject) -> CaseResult {
    let long = format!("shop/{}", "x".repeat(120));
    let keys = [
        "shop",
        "shop/a",
        "shop/a/b",
        "shop-a",
        "shop.a",
        "shop_a",
        "shop.record",
        "shop.lock",
        "shop.tmp",
        ".shop",
        "shop.",
        "-shop",
        "_",
        "0",
        "con",
        &long,
    ];
    for key in keys {
        subject.put(key, None, format!("register {key}")).await?;
        subject.put_new(key, format!("object {key}")).await?;
    }
    for key in keys {
        subject
            .holds(
                key,
                format!("register {key}").as_bytes(),
                "after others were written",
            )
            .await?;
        let object = subject.get(key).await?;
        let is_whole = object.as_deref() == Some(format!("object {key}").as_bytes());
        hold!(
            is_whole,
            "after others were written, the object {key} is {object:?}"
        );
    }
    let mut expected: Vec<&str> = keys.to_vec();
    expected.sort_unstable();
    let listed = subject.list("", None, 100).await?;
    hold!(
        listed == expected,
        "{expected:?} were put, and listed are {listed:?}"
    );
    Ok(())
}

/// Keys are made of `a-z 0-9 . _ - /`, never begin or end with `/` and never hold `..`: everything else
/// is refused by every call, and nothing is written.
pub async fn what_is_no_key_is_refused_by_every_call(subject: &StoreSubject) -> CaseResult {
    let store = &subject.store;
    let endless = "x".repeat(100_000);
    let keys = [
        "",
        "/",
        "/shop",
        "shop/",
        "..",
        "../shop",
        "a/../b",
        "a..b",
        "A",
        "Shop",
        "a b",
        "a\\b",
        "a+b",
        "a%2fb",
        "a:b",
        "a*",
        "a'b",
        "a\0",
        "a\n",
        "ü",
        "shop\u{202e}",
        &endless,
    ];
    for key in keys {
        let what = |call: &str| format!("{call} of {:?}", key.get(..20).unwrap_or(key));
        subject.refuses(&what("load"), store.load(key)).await?;
        subject
            .refuses(&what("store"), store.store(key, None, "x".into()))
            .await?;
        subject
            .refuses(&what("put_new"), store.put_new(key, "x".into()))
            .await?;
        subject.refuses(&what("get"), store.get(key)).await?;
        subject.refuses(&what("delete"), store.delete(key)).await?;
    }
    let listed = subject.list("", None, 10).await?;
    hold!(listed.is_empty(), "keys that are none left {listed:?}");
    Ok(())
}

/// A secret that the store was given is not in its Debug output.
pub async fn secrets_are_not_in_debug(subject: &StoreSubject) -> CaseResult {
    subject.around.debug_is_discreet(&subject.store)
}
