//! A materialised view that is filled while readers wait.

use super::prelude::*;

pub(super) static ABOUT: About = About::new(
    "refresh-view",
    Kind::Blocking,
    Severity::Unsafe,
    "Readers of a materialised view wait until it is filled",
)
.why("REFRESH holds ACCESS EXCLUSIVE while the query runs. CONCURRENTLY lets readers pass (it needs a unique index on the view). WITH NO DATA makes every reader fail until the next refresh.")
.source("PostgreSQL manual, REFRESH MATERIALIZED VIEW")
.servers(POSTGRES)
.examples(&[
    Example::bad("REFRESH MATERIALIZED VIEW days"),
    Example::bad("REFRESH MATERIALIZED VIEW days WITH NO DATA"),
    Example::good("REFRESH MATERIALIZED VIEW CONCURRENTLY days"),
    Example::good("CREATE MATERIALIZED VIEW days AS SELECT 1 WITH NO DATA; REFRESH MATERIALIZED VIEW days"),
]);

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    let Change::Refresh {
        view,
        concurrently,
        with_data,
    } = &located.change
    else {
        return;
    };
    if !site.is_used(view) {
        return;
    }
    if !with_data {
        findings.report(
            located.span,
            format!("every query of {view} fails until it is refreshed again"),
        );
    } else if !concurrently {
        findings
            .report(
                located.span,
                format!("readers of {view} wait while its query runs"),
            )
            .hold(site.blocking(&located.change))
            .rewrite(format!("REFRESH MATERIALIZED VIEW CONCURRENTLY {view};"));
    }
}
