//! Expressions: only what the rules ask of them.

use super::Name;

/// An expression of a default, a check, or a condition.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Expr {
    /// As it is written.
    pub text: String,
    /// The functions that it calls, in lower case, without their schema.
    pub calls: Vec<String>,
    /// The columns of which it says, on its own or joined by AND, that they are not NULL.
    pub not_null: Vec<Name>,
}

/// Whether an expression gives one value for all rows of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Volatility {
    /// The same for all rows: PostgreSQL evaluates it once when a column is added.
    Stable,
    /// Another one for each row, or nobody said that it is not: functions are volatile by default.
    Volatile,
}

/// Functions of PostgreSQL that are immutable or stable (`provolatile` in `pg_proc` is `i` or `s`) and that
/// defaults use. What is not here is taken as volatile, as `CREATE FUNCTION` does.
const STABLE: &[&str] = &[
    "abs",
    "array",
    "array_fill",
    "ceil",
    "char_length",
    "coalesce",
    "concat",
    "current_catalog",
    "current_date",
    "current_database",
    "current_role",
    "current_schema",
    "current_setting",
    "current_time",
    "current_timestamp",
    "current_user",
    "date",
    "date_part",
    "date_trunc",
    "decode",
    "encode",
    "extract",
    "floor",
    "format",
    "greatest",
    "inet",
    "int4range",
    "int8range",
    "json_array",
    "json_build_array",
    "json_build_object",
    "json_object",
    "jsonb_build_array",
    "jsonb_build_object",
    "jsonb_object",
    "least",
    "left",
    "length",
    "localtime",
    "localtimestamp",
    "lower",
    "lpad",
    "make_date",
    "make_interval",
    "make_time",
    "make_timestamp",
    "make_timestamptz",
    "md5",
    "mod",
    "now",
    "nullif",
    "numeric",
    "numrange",
    "octet_length",
    "point",
    "position",
    "power",
    "replace",
    "reverse",
    "right",
    "round",
    "row",
    "rpad",
    "session_user",
    "sha256",
    "split_part",
    "statement_timestamp",
    "string_to_array",
    "substring",
    "substr",
    "time",
    "timestamp",
    "timezone",
    "to_char",
    "to_date",
    "to_json",
    "to_jsonb",
    "to_number",
    "to_timestamp",
    "to_tsvector",
    "transaction_timestamp",
    "translate",
    "trim",
    "trunc",
    "tsrange",
    "tstzrange",
    "daterange",
    "txid_current",
    "upper",
    "user",
    "uuid_nil",
    "uuid_ns_dns",
    "varchar",
    "char",
    "bit",
    "interval",
    "cast",
];

/// Functions of PostgreSQL itself that a migration calls by SELECT: what they do is known.
const OF_THE_SERVER: &[&str] = &[
    "setval",
    "nextval",
    "currval",
    "lastval",
    "set_config",
    "count",
    "max",
    "min",
    "sum",
    "avg",
    "exists",
    "in",
    "values",
    "union",
    "intersect",
    "except",
    "random",
    "gen_random_uuid",
    "select",
    "and",
    "or",
    "not",
    "any",
    "all",
    "as",
    "array_agg",
    "string_agg",
    "regclass",
    "version",
    "generate_series",
    "unnest",
    "clock_timestamp",
    "numeric",
    "uuid_generate_v4",
    "jsonb_agg",
    "json_agg",
    "row_number",
    "over",
];

/// Whether a function belongs to the server.
pub(in crate::migration) fn is_known_function(name: &str) -> bool {
    name.starts_with("pg_") || OF_THE_SERVER.contains(&name) || STABLE.contains(&name)
}

impl Expr {
    /// Whether a default is the same for all rows, by the functions that it calls. `known` tells of
    /// functions that the schema declares.
    #[must_use]
    pub fn volatility(&self, known: impl Fn(&str) -> Option<Volatility>) -> Volatility {
        let volatile = self.calls.iter().any(|call| {
            let declared = known(call);
            declared.map_or_else(
                || !STABLE.contains(&call.as_str()),
                |volatility| volatility == Volatility::Volatile,
            )
        });
        if volatile {
            Volatility::Volatile
        } else {
            Volatility::Stable
        }
    }

    /// Whether it names a column, as far as its words tell.
    #[must_use]
    pub fn names(&self, column: &Name) -> bool {
        let mut words = self
            .text
            .split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$'));
        words.any(|word| word == column.as_str() || word.eq_ignore_ascii_case(column.as_str()))
    }

    /// Whether it is the word NULL.
    #[must_use]
    pub fn is_null(&self) -> bool {
        let bare = self
            .text
            .trim_matches(|c: char| c == '(' || c == ')' || c.is_whitespace());
        let head = bare.split("::").next().unwrap_or_default();
        head.trim().eq_ignore_ascii_case("null")
    }
}
