//! Broken stores.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bluegreen_core::{Store, StoreError, StoreVersion, Versioned};
use bluegreen_testkit::conformance::store::{self, StoreSubject};
use bytes::Bytes;

use super::{caught, sound};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Defect {
    None,
    LastWriterWins,
    TakesTheBodyForTheVersion,
    ComparesFirstAndWritesThen,
    TruncatesInPlace,
    TakesDamageForNothing,
    PutsOver,
    KeepsBothInOneMap,
    ListsWithoutOrder,
    IgnoresAfter,
    IgnoresTheLimit,
    TakesAFolderForAPrefix,
    TakesEveryKey,
    CutsLargeBodies,
    KeepsToItsOwnCopy,
    DeletesThePrefix,
    CallsAStrangeVersionRefused,
}

#[derive(Debug, Default)]
struct Contents {
    writes: u64,
    registers: BTreeMap<String, (u64, Bytes)>,
    objects: BTreeMap<String, Bytes>,
    torn: Vec<String>,
}

#[derive(Debug, Clone)]
struct Bent {
    defect: Defect,
    contents: Arc<Mutex<Contents>>,
}

impl Bent {
    fn version(&self, counter: u64, body: &Bytes) -> StoreVersion {
        match self.defect {
            Defect::TakesTheBodyForTheVersion => {
                StoreVersion(String::from_utf8_lossy(body).chars().take(9).collect())
            }
            _ => StoreVersion(counter.to_string()),
        }
    }

    fn check(&self, key: &str) -> Result<(), StoreError> {
        let letters = key
            .bytes()
            .all(|byte| b"abcdefghijklmnopqrstuvwxyz0123456789._-/".contains(&byte));
        let is_key = letters
            && !key.is_empty()
            && key.len() <= 180
            && !key.starts_with('/')
            && !key.ends_with('/')
            && !key.contains("..");
        if is_key || self.defect == Defect::TakesEveryKey {
            return Ok(());
        }
        Err(refused(&key.chars().take(20).collect::<String>(), "no key"))
    }

    fn current(&self, key: &str) -> Result<Option<Versioned>, StoreError> {
        self.check(key)?;
        let contents = self.contents.lock().unwrap();
        if contents.torn.iter().any(|torn| torn == key) {
            return match self.defect {
                Defect::TakesDamageForNothing => Ok(None),
                _ => Err(refused(key, "half of it is missing")),
            };
        }
        Ok(contents.registers.get(key).map(|(counter, body)| Versioned {
            version: self.version(*counter, body),
            body: body.clone(),
        }))
    }

    fn write(&self, key: &str, body: Bytes) -> StoreVersion {
        let mut contents = self.contents.lock().unwrap();
        contents.writes += 1;
        let counter = contents.writes;
        let version = self.version(counter, &body);
        if self.defect == Defect::KeepsBothInOneMap {
            contents.objects.insert(key.to_owned(), body.clone());
        }
        contents.registers.insert(key.to_owned(), (counter, body));
        version
    }
}

fn refused(key: &str, message: &str) -> StoreError {
    StoreError::Refused {
        key: key.to_owned(),
        message: message.to_owned(),
    }
}

fn conflict(key: &str) -> StoreError {
    StoreError::Conflict { key: key.to_owned() }
}

#[async_trait]
impl Store for Bent {
    async fn load(&self, key: &str) -> Result<Option<Versioned>, StoreError> {
        self.current(key)
    }

    async fn store(
        &self,
        key: &str,
        expected: Option<StoreVersion>,
        mut body: Bytes,
    ) -> Result<StoreVersion, StoreError> {
        if self.defect == Defect::CutsLargeBodies {
            body.truncate(32 * 1024);
        }
        if self.defect == Defect::ComparesFirstAndWritesThen {
            let current = self.current(key)?.map(|current| current.version);
            tokio::task::yield_now().await;
            return if current == expected {
                Ok(self.write(key, body))
            } else {
                Err(conflict(key))
            };
        }
        let current = self.current(key)?.map(|current| current.version);
        let is_number = |version: &StoreVersion| version.0.parse::<u64>().is_ok();
        if self.defect == Defect::CallsAStrangeVersionRefused
            && expected.as_ref().is_some_and(|version| !is_number(version))
        {
            return Err(refused(key, "no version"));
        }
        if current != expected && self.defect != Defect::LastWriterWins {
            return Err(conflict(key));
        }
        if self.defect == Defect::TruncatesInPlace {
            self.write(key, Bytes::new());
            tokio::task::yield_now().await;
        }
        Ok(self.write(key, body))
    }

    async fn put_new(&self, key: &str, body: Bytes) -> Result<(), StoreError> {
        self.check(key)?;
        let mut contents = self.contents.lock().unwrap();
        if contents.objects.contains_key(key) && self.defect != Defect::PutsOver {
            return Err(conflict(key));
        }
        contents.objects.insert(key.to_owned(), body);
        Ok(())
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        self.check(key)?;
        Ok(self.contents.lock().unwrap().objects.get(key).cloned())
    }

    async fn list(
        &self,
        prefix: &str,
        after: Option<String>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        let contents = self.contents.lock().unwrap();
        let after = after.filter(|_| self.defect != Defect::IgnoresAfter);
        let fits = |key: &&String| match self.defect {
            Defect::TakesAFolderForAPrefix => {
                key.strip_prefix(prefix).is_some_and(|rest| !rest.contains('/'))
            }
            _ => key.starts_with(prefix),
        };
        let keys = contents
            .objects
            .keys()
            .filter(fits)
            .filter(|key| after.as_ref().is_none_or(|after| *key > after));
        let mut keys: Vec<String> = keys.cloned().collect();
        if self.defect == Defect::ListsWithoutOrder {
            keys.reverse();
        }
        if self.defect != Defect::IgnoresTheLimit {
            keys.truncate(limit);
        }
        Ok(keys)
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.check(key)?;
        let is_gone = |other: &str| match self.defect {
            Defect::DeletesThePrefix => other.starts_with(key),
            _ => other == key,
        };
        self.contents
            .lock()
            .unwrap()
            .objects
            .retain(|other, _| !is_gone(other));
        Ok(())
    }
}

fn subject(defect: Defect) -> StoreSubject {
    let store = Bent {
        defect,
        contents: Arc::default(),
    };
    let (again, torn) = (store.clone(), Arc::clone(&store.contents));
    StoreSubject::new(store)
        .again(async move || match defect {
            Defect::KeepsToItsOwnCopy => Bent {
                defect,
                contents: Arc::default(),
            },
            _ => again.clone(),
        })
        .tear(async move |key| torn.lock().unwrap().torn.push(key.to_owned()))
}

#[tokio::test]
async fn each_defect_of_a_store_is_caught() {
    sound(&store::prove_all(async || subject(Defect::None)).await);
    for (defect, by) in [
        (
            Defect::LastWriterWins,
            &[
                "a_register_is_written_only_over_the_version_that_was_read",
                "a_strange_version_is_a_conflict",
            ] as &[&str],
        ),
        (Defect::TakesTheBodyForTheVersion, &["a_version_never_comes_back"]),
        (
            Defect::ComparesFirstAndWritesThen,
            &[
                "of_many_writers_exactly_one_wins_each_version",
                "of_writers_over_two_instances_exactly_one_wins",
            ],
        ),
        (
            Defect::TruncatesInPlace,
            &[
                "a_dropped_write_leaves_the_old_or_the_new_body",
                "a_reader_never_sees_half_of_a_write",
            ],
        ),
        (
            Defect::TakesDamageForNothing,
            &["a_half_written_register_is_never_read_as_a_record"],
        ),
        (
            Defect::PutsOver,
            &[
                "an_object_is_written_once",
                "of_many_that_put_one_object_exactly_one_wins",
            ],
        ),
        (Defect::KeepsBothInOneMap, &["an_object_is_no_register"]),
        (
            Defect::ListsWithoutOrder,
            &["objects_are_listed_in_order_page_by_page"],
        ),
        (
            Defect::IgnoresAfter,
            &[
                "objects_are_listed_in_order_page_by_page",
                "a_list_keeps_to_its_prefix_after_and_limit",
            ],
        ),
        (
            Defect::IgnoresTheLimit,
            &["objects_are_listed_in_order_page_by_page"],
        ),
        (
            Defect::TakesAFolderForAPrefix,
            &["a_list_keeps_to_its_prefix_after_and_limit"],
        ),
        (
            Defect::TakesEveryKey,
            &["what_is_no_key_is_refused_by_every_call"],
        ),
        (
            Defect::CutsLargeBodies,
            &["what_was_stored_is_loaded_byte_for_byte"],
        ),
        (
            Defect::KeepsToItsOwnCopy,
            &[
                "two_instances_see_one_store",
                "of_writers_over_two_instances_exactly_one_wins",
            ],
        ),
        (Defect::DeletesThePrefix, &["delete_twice_is_once"]),
        (
            Defect::CallsAStrangeVersionRefused,
            &["a_strange_version_is_a_conflict"],
        ),
    ] {
        caught(&store::prove_all(async || subject(defect)).await, defect, by);
    }
}
