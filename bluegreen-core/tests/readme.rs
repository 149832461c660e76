//! The plan that the README shows.

use bluegreen_core::Plan;

#[test]
fn the_plan_in_the_readme_is_valid() {
    let readme = include_str!("../../README.md");
    let from = readme.find("```toml\n").expect("a plan in TOML") + "```toml\n".len();
    let plan = readme[from..].split("```").next().expect("its end");
    if let Err(error) = Plan::from_toml(plan) {
        panic!("{error}");
    }
}
