//! Names and numbers as they are written and read.

use super::*;

#[test]
fn a_deployment_is_named_by_its_number_and_its_second() {
    let id = DeploymentId::new(17, Timestamp::from_millis(1_700_000_000_999));
    assert_eq!(id.to_string(), "17-20231114T221320Z");
    assert_eq!(
        (id.number(), id.began()),
        (17, Timestamp::from_millis(1_700_000_000_000))
    );
    assert_eq!("17-20231114T221320Z".parse(), Ok(id));
    assert_eq!(serde_json::to_string(&id).unwrap(), "\"17-20231114T221320Z\"");
    assert_eq!(
        serde_json::from_str::<DeploymentId>("\"17-20231114T221320Z\"").unwrap(),
        id
    );
    for text in [
        "",
        "17",
        "-20231114T221320Z",
        "x-20231114T221320Z",
        "17-yesterday",
        "17-20231114T221320Z ",
    ] {
        let error = text.parse::<DeploymentId>().unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("{text:?} is no deployment")),
            "{error}"
        );
    }
}

#[test]
fn phases_and_operations_are_written_and_read_by_their_names() {
    for phase in Phase::ALL {
        assert_eq!(phase.as_str().parse(), Ok(*phase));
        assert_eq!(serde_json::to_string(phase).unwrap(), format!("\"{phase}\""));
    }
    assert_eq!(
        "halt".parse::<Phase>().unwrap_err().to_string(),
        "\"halt\" is no phase"
    );
    assert_eq!(
        format!("{:>7}|{:<9}|", Phase::Bake, Operation::Rollback),
        "   bake|rollback |"
    );
}

#[test]
fn a_frozen_plan_is_its_text() {
    let plan = FrozenPlan::new(plan().build().unwrap()).unwrap();
    let text = serde_json::to_string(&plan).unwrap();
    assert_eq!(text, plan.json());
    let read: FrozenPlan = serde_json::from_str(&text).unwrap();
    assert_eq!((read.json(), &*read), (plan.json(), &*plan));
    assert_eq!(read, plan);
    assert_ne!(
        read,
        FrozenPlan::new(self::plan().notify(true).build().unwrap()).unwrap()
    );
}
