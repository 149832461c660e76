//! Who may act.

use bluegreen_core::{FaultKind, Fencing, Split, Token};

use super::RouterSubject;
use crate::conformance::around::through;
use crate::conformance::case::{CaseResult, hold, not_run};

/// Tokens around one in the middle: what is older in either part is refused.
const MIDDLE: Token = Token { epoch: 7, seq: 5 };
const OLDER: [Token; 3] = [
    Token { epoch: 7, seq: 4 },
    Token { epoch: 6, seq: 9 },
    Token { epoch: 0, seq: 0 },
];

fn compares(subject: &RouterSubject) -> CaseResult {
    match subject.capabilities().fencing {
        Fencing::Token => Ok(()),
        Fencing::Settle(time) => not_run(format!(
            "it compares no tokens; it declares a settle time of {time:?}"
        )),
    }
}

/// Where tokens are compared: a shift or a stage with an older one is `Fenced` and changes nothing; the
/// same one may come again; a newer one of the same or of a later epoch goes through.
pub async fn an_older_token_is_fenced_off(subject: &RouterSubject) -> CaseResult {
    compares(subject)?;
    let live = subject.ready().await?;
    let (back, forth) = (Split::all(live), Split::all(live.other()));
    subject.shift_as(&subject.around.op_with(MIDDLE), forth).await?;
    for token in OLDER {
        let op = subject.around.op_with(token);
        let acts = [
            (
                "shift",
                subject
                    .around
                    .fault("a shift with an older token", subject.router.shift(&op, back))
                    .await?,
            ),
            (
                "stage",
                subject
                    .around
                    .fault("a stage with an older token", subject.router.stage(&op, live))
                    .await?,
            ),
        ];
        for (act, fault) in acts {
            let kind = fault.kind;
            hold!(
                kind == FaultKind::Fenced,
                "{act} with {token} after {MIDDLE} says {kind:?}: {fault}"
            );
        }
        subject
            .is_held(forth, &format!("after {token} was fenced off"))
            .await?;
    }
    subject.shift_as(&subject.around.op_with(MIDDLE), forth).await?;
    for token in [Token { epoch: 7, seq: 6 }, Token { epoch: 8, seq: 0 }] {
        for split in [back, forth] {
            let token = Token {
                seq: token.seq + u64::from(split == forth),
                ..token
            };
            subject.shift_as(&subject.around.op_with(token), split).await?;
            subject
                .is_held(split, &format!("after a shift with {token}"))
                .await?;
        }
    }
    Ok(())
}

/// Where tokens are compared, `observe` shows the newest one, and a fenced call does not change it.
pub async fn the_newest_token_is_shown(subject: &RouterSubject) -> CaseResult {
    compares(subject)?;
    let live = subject.ready().await?;
    let op = subject.around.op_with(MIDDLE);
    subject.shift_as(&op, Split::all(live.other())).await?;
    for token in OLDER {
        let shown = subject.observed().await?.token;
        hold!(
            shown == Some(MIDDLE),
            "a shift with {MIDDLE} was taken, and observe shows {shown:?}"
        );
        let late = subject.around.op_with(token);
        subject
            .around
            .fault(
                "a shift with an older token",
                subject.router.shift(&late, Split::all(live)),
            )
            .await?;
    }
    Ok(())
}

/// Another instance over the same place, as another deployer has it, sees the same split, and its newer
/// token fences this one off.
pub async fn another_instance_sees_the_same(subject: &RouterSubject) -> CaseResult {
    let live = subject.ready().await?;
    let (back, forth) = (Split::all(live), Split::all(live.other()));
    let other = through(subject.again.as_ref(), "again", ()).await?;
    subject.shift_as(&subject.around.op_with(MIDDLE), forth).await?;
    let op = subject.around.op();
    let seen = subject.around.done("observe", other.observe(&op)).await?.split;
    hold!(
        seen == forth,
        "one instance has set {forth}, the other sees {seen}"
    );
    let newer = Token { epoch: 8, seq: 1 };
    let op = subject.around.op_with(newer);
    subject
        .around
        .done("stage by the other instance", other.stage(&op, live))
        .await?;
    subject
        .around
        .done("shift by the other instance", other.shift(&op, back))
        .await?;
    subject
        .is_held(back, "after a shift by the other instance")
        .await?;
    if compares(subject).is_ok() {
        let late = subject.around.op_with(MIDDLE);
        let fault = subject
            .around
            .fault("a shift after a takeover", subject.router.shift(&late, forth))
            .await?;
        let kind = fault.kind;
        hold!(
            kind == FaultKind::Fenced,
            "{newer} has taken over, and {MIDDLE} meets {kind:?}: {fault}"
        );
        subject.is_held(back, "after a shift that came too late").await?;
    }
    Ok(())
}
