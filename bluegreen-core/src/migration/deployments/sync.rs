//! Triggers that keep an old and a new column in step, whichever of them a release writes.

use super::keeps_in_step;
use crate::migration::Engine;

/// Two columns of a table.
pub(super) struct Pair<'a> {
    pub table: &'a str,
    pub old: &'a str,
    pub new: &'a str,
    /// What the old column's type is called, and the new one's, where values have to be converted.
    pub types: Option<(String, String)>,
}

impl Pair<'_> {
    fn converted(&self, engine: Engine, value: &str, forth: bool) -> String {
        match &self.types {
            Some((old, new)) if engine == Engine::Postgres => {
                format!("{value}::{}", if forth { new } else { old })
            }
            // MySQL converts what it assigns.
            _ => value.to_owned(),
        }
    }

    /// The name of the trigger, of the column's own making.
    fn name(&self) -> String {
        let plain = |text: &str| text.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
        format!("{}_{}_in_step", plain(self.table), plain(self.new))
    }

    /// What makes it.
    pub(super) fn create(&self, engine: Engine) -> String {
        let (table, old, new, name) = (self.table, self.old, self.new, self.name());
        let forth = self.converted(engine, &format!("NEW.{old}"), true);
        let back = self.converted(engine, &format!("NEW.{new}"), false);
        if !keeps_in_step(engine) {
            return format!("-- the release writes {old} and {new} both");
        }
        if engine.is_mysql_like() {
            return format!(
                "CREATE TRIGGER {name}_insert BEFORE INSERT ON {table} FOR EACH ROW\n  SET NEW.{new} = COALESCE(NEW.{new}, {forth}), NEW.{old} = COALESCE(NEW.{old}, {back});\n\
                 CREATE TRIGGER {name}_update BEFORE UPDATE ON {table} FOR EACH ROW\n  SET NEW.{new} = IF(NOT (NEW.{old} <=> OLD.{old}), {forth}, NEW.{new}), NEW.{old} = IF(NOT (NEW.{new} <=> OLD.{new}), {back}, NEW.{old});"
            );
        }
        format!(
            "CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$\nBEGIN\n  \
             IF TG_OP = 'INSERT' THEN\n    NEW.{new} := coalesce(NEW.{new}, {forth});\n    NEW.{old} := coalesce(NEW.{old}, {back});\n  \
             ELSIF NEW.{old} IS DISTINCT FROM OLD.{old} THEN\n    NEW.{new} := {forth};\n  \
             ELSIF NEW.{new} IS DISTINCT FROM OLD.{new} THEN\n    NEW.{old} := {back};\n  \
             END IF;\n  RETURN NEW;\nEND $$;\n\
             CREATE TRIGGER {name} BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION {name}();"
        )
    }

    /// What takes it away.
    pub(super) fn drop(&self, engine: Engine) -> String {
        let (table, name) = (self.table, self.name());
        if !keeps_in_step(engine) {
            return String::new();
        }
        if engine.is_mysql_like() {
            return format!("DROP TRIGGER {name}_insert;\nDROP TRIGGER {name}_update;\n");
        }
        format!("DROP TRIGGER {name} ON {table};\nDROP FUNCTION {name}();\n")
    }

    /// What fills in the new column where no trigger has.
    pub(super) fn fill(&self, engine: Engine) -> String {
        let (table, old, new) = (self.table, self.old, self.new);
        let value = match &self.types {
            Some((_, kind)) if engine == Engine::Postgres => format!("{old}::{kind}"),
            _ => old.to_owned(),
        };
        let differs = match engine {
            Engine::Postgres => format!("{new} IS DISTINCT FROM {value}"),
            Engine::Mysql | Engine::Mariadb => format!("NOT ({new} <=> {value})"),
            Engine::Sqlite => format!("{new} IS NOT {value}"),
        };
        format!("UPDATE {table} SET {new} = {value} WHERE {differs};")
    }
}
