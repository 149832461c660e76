//! A lock is asked for that keeps writers out.

use super::prelude::*;

pub(super) static ABOUT: About =
    About::new("online-option", Kind::Blocking, Severity::Unsafe, "A copy or a lock is asked for that keeps writers out")
        .why("ALGORITHM=COPY, LOCK=SHARED and LOCK=EXCLUSIVE are done as asked for, also where nothing of it is needed. ALGORITHM=INSTANT or LOCK=NONE fail at once when the server cannot.")
        .source("MySQL manual, ALTER TABLE, performance and space requirements")
        .servers(MYSQL)
        .examples(&[
            Example::bad("ALTER TABLE orders ADD a int, ALGORITHM=COPY"),
            Example::bad("CREATE INDEX days ON orders (day) LOCK = EXCLUSIVE"),
            Example::good("ALTER TABLE orders ADD a int, ALGORITHM=INSTANT"),
            Example::good("CREATE INDEX days ON orders (day) ALGORITHM=INPLACE LOCK=NONE"),
        ]);

fn blocks(option: &OnlineOption) -> bool {
    match option {
        OnlineOption::Algorithm(algorithm) => algorithm == "COPY",
        OnlineOption::Lock(lock) => matches!(lock.as_str(), "SHARED" | "EXCLUSIVE"),
    }
}

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    let (table, asked) = match &located.change {
        Change::Table {
            table,
            action: TableAction::Online(option),
        } => (table, blocks(option)),
        Change::CreateIndex(index) => (&index.table, index.online.iter().any(blocks)),
        _ => return,
    };
    if asked && site.is_used(table) {
        findings.report(
            located.span,
            format!("writers of {table} wait, because it is asked for"),
        );
    }
}
