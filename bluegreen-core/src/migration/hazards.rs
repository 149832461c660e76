#![doc = include_str!("../../docs/migration-rules.md")]
