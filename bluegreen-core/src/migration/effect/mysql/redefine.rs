//! `MODIFY` and `CHANGE`: what differs from the column that is there decides.

use super::{Best, COPY, INSTANT, NO_COPY, Table};
use crate::migration::schema::TableColumn;
use crate::migration::server::{Engine, Server};
use crate::migration::statement::{Column, Generated, Name, Position, SqlType, Storage};

impl Table<'_> {
    /// A copy is assumed when the old column is not known.
    pub(super) fn redefine(&self, old: &Name, column: &Column, position: Option<&Position>) -> Best {
        let known = self
            .facts
            .and_then(|facts| Some((facts, facts.columns.get(old)?)))
            .and_then(|(table, facts)| Some((table, facts, facts.kind.as_ref()?)));
        let Some((table, facts, from)) = known else {
            return COPY;
        };
        // Whether the expression is another one is not known here: what is stored is computed for each row.
        let stored = matches!(column.generated, Some(Generated::Stored(_)));
        let mut best = if !stored && column.generated.is_some() == facts.generated {
            self.retype(from, column, facts)
        } else {
            COPY
        };
        // A copy is made under a stronger lock than the rest.
        if position.is_some() {
            best = best.max(
                if self.server.engine == Engine::Mariadb && self.is_instant_anywhere() {
                    INSTANT
                } else {
                    self.rebuild()
                },
            );
        }
        let not_null = column.not_null || table.primary_key.contains(old);
        if facts.not_null.is_some_and(|before| before != not_null) {
            // MariaDB's manual has NOT NULL dropped instantly since 10.4; 10.11 builds the table anew.
            best = best.max(self.rebuild());
        }
        best
    }

    fn retype(&self, from: &SqlType, column: &Column, facts: &TableColumn) -> Best {
        let to = &column.kind;
        let recoded = if is_text(to) && is_text(from) {
            self.recode(to, column, facts)
        } else {
            INSTANT
        };
        let (before, after) = (usual_name(from), usual_name(to));
        if from == to || (is_integer(before) && before == after && from.unsigned == to.unsigned) {
            return recoded;
        }
        recoded.max(match (before, after) {
            ("enum", "enum") | ("set", "set") => append(from, to),
            ("varchar", "varchar") | ("varbinary", "varbinary") => self.grow(from, to, facts),
            _ if before == after && from.args == to.args && from.unsigned == to.unsigned => INSTANT,
            _ => COPY,
        })
    }

    /// What another character set or collation does.
    fn recode(&self, to: &SqlType, column: &Column, facts: &TableColumn) -> Best {
        let (before, after) = (
            self.charset(facts.collation.as_deref()),
            self.charset(column.collation.as_deref()),
        );
        if before == after {
            return INSTANT;
        }
        let (Some(before), Some(after)) = (before, after) else {
            return COPY;
        };
        let same = family(before) == family(after);
        let wider = family(before) == "utf8mb3" && family(after) == "utf8mb4" && is_string(to);
        if !(same || wider) || !self.server.at_least(Engine::Mariadb, 10, 4, 0) {
            COPY
        } else if facts.indexed && !(wider && names_no_collation(before) && names_no_collation(after)) {
            NO_COPY
        } else {
            INSTANT
        }
    }

    /// The character set or collation of a column: its own, that of its table, or what the server has always
    /// had.
    fn charset<'a>(&'a self, own: Option<&'a str>) -> Option<&'a str> {
        let of_table = || self.facts.and_then(|facts| facts.charset.as_deref());
        let usual = self.server.at_least(Engine::Mysql, 8, 0, 0).then_some("utf8mb4");
        own.or_else(of_table).or(usual)
    }

    /// CONVERT TO CHARACTER SET: each column of text by itself.
    pub(super) fn convert(&self, to: Option<&str>) -> Best {
        let (Some(to), Some(facts)) = (to, self.facts) else {
            return COPY;
        };
        if !facts.complete {
            return COPY;
        }
        let mut best = INSTANT;
        for (name, facts) in &facts.columns {
            let Some(kind) = &facts.kind else { return COPY };
            if !is_text(kind) {
                continue;
            }
            // Into a wider character set TEXT becomes MEDIUMTEXT, so that what is there still fits.
            let same = self.charset(facts.collation.as_deref()).map(family) == Some(family(to));
            let column = Column {
                name: name.clone(),
                kind: kind.clone(),
                not_null: false,
                default: None,
                generated: None,
                constraints: Vec::new(),
                collation: Some(to.to_owned()),
            };
            best = best.max(if same || is_string(kind) {
                self.recode(kind, &column, facts)
            } else {
                COPY
            });
        }
        best
    }

    /// MySQL keeps one byte for the length of what is at most 255 bytes long, two bytes above.
    fn grow(&self, from: &SqlType, to: &SqlType, facts: &TableColumn) -> Best {
        let (Some(before), Some(after)) = (from.length(), to.length()) else {
            return COPY;
        };
        if after < before || self.storage() == Storage::Other {
            return COPY;
        }
        if can_lengthen_anything(self.server) {
            return INSTANT;
        }
        let bytes_each = match self.charset(facts.collation.as_deref()) {
            _ if from.name == "varbinary" => 1,
            Some(charset) => bytes_each(family(charset)),
            None => 4,
        };
        let long = |length: u64| length.saturating_mul(bytes_each) > 255;
        if long(before) == long(after) {
            INSTANT
        } else {
            COPY
        }
    }
}

/// Since MariaDB 10.4.3 the length of a column is no part of its rows' format.
fn can_lengthen_anything(server: Server) -> bool {
    server.at_least(Engine::Mariadb, 10, 4, 3)
}

/// `utf8mb4` of `utf8mb4_general_ci`.
fn family(name: &str) -> &str {
    match name.split('_').next().unwrap_or(name) {
        "utf8" => "utf8mb3",
        family => family,
    }
}

/// How many bytes a letter takes at most. What is not known here is taken as `utf8mb4`, MySQL's default.
fn bytes_each(family: &str) -> u64 {
    match family {
        "latin1" | "latin2" | "latin5" | "latin7" | "ascii" | "binary" | "cp1250" | "cp1251" | "cp1252"
        | "koi8r" | "hebrew" | "greek" => 1,
        "ucs2" | "gbk" | "big5" | "sjis" | "gb2312" | "euckr" => 2,
        "utf8mb3" => 3,
        _ => 4,
    }
}

fn names_no_collation(name: &str) -> bool {
    !name.contains('_')
}

fn is_text(kind: &SqlType) -> bool {
    is_string(kind)
        || matches!(
            kind.name.as_str(),
            "tinytext" | "text" | "mediumtext" | "longtext" | "enum" | "set"
        )
}

fn is_string(kind: &SqlType) -> bool {
    matches!(kind.name.as_str(), "char" | "varchar")
}

/// Types with two names.
fn usual_name(kind: &SqlType) -> &str {
    match kind.name.as_str() {
        "boolean" => "tinyint",
        "int3" | "middleint" => "mediumint",
        "real" | "double precision" => "double",
        name => name,
    }
}

/// The width of an integer is how it is shown only.
fn is_integer(name: &str) -> bool {
    matches!(name, "tinyint" | "smallint" | "mediumint" | "int" | "bigint")
}

/// New values at the end are instant, while they fit into the bytes that a value takes.
fn append(from: &SqlType, to: &SqlType) -> Best {
    let bytes = |kind: &SqlType| {
        if kind.name == "enum" {
            usize::from(kind.args.len() > 255)
        } else {
            kind.args.len().div_ceil(8)
        }
    };
    if to.args.starts_with(&from.args) && bytes(from) == bytes(to) {
        INSTANT
    } else {
        COPY
    }
}
