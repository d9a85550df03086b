//! The rules of goals.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_unix_millis(millis)
}

fn draft(body: Value) -> Result<Goal, Problem> {
    serde_json::from_value::<GoalDraft>(body).unwrap().into_goal(UserId::try_from(7).unwrap(), at(1000))
}

fn goal() -> Goal {
    draft(json!({"title": "Learn Rust"})).unwrap()
}

fn change(goal: &Goal, body: Value) -> Result<Option<Goal>, Problem> {
    serde_json::from_value::<GoalPatch>(body).unwrap().apply(goal, at(2000))
}

fn pointers(refused: &Problem) -> Vec<String> {
    refused.body("r").errors.into_iter().map(|error| error.pointer).collect()
}

#[test]
fn a_goal_of_a_title_alone_is_private_active_and_at_the_start() {
    let goal = goal();
    assert_eq!((goal.status, goal.visibility), (GoalStatus::Active, GoalVisibility::Private));
    assert_eq!((goal.progress, goal.completed_at, goal.version), (0, None, 1));
}

#[test]
fn a_goal_is_serialised_as_the_contract_says() {
    let goal = draft(json!({"title": "T", "target_date": "2027-06-30"})).unwrap();
    assert_eq!(
        serde_json::to_value(&goal).unwrap(),
        json!({
            "id": goal.id, "title": "T", "description": null, "target_date": "2027-06-30", "status": "active",
            "progress": 0, "visibility": "private", "completed_at": null,
            "created_at": "1970-01-01T00:00:01.000Z", "updated_at": "1970-01-01T00:00:01.000Z"
        })
    );
}

#[test]
fn all_violations_are_told_at_once() {
    let bad = json!({
        "title": " ", "description": "a\0", "target_date": "30.6.2027", "progress": 101, "visibility": "friends"
    });
    let all = ["/title", "/description", "/target_date", "/progress", "/visibility"];
    assert_eq!(pointers(&draft(bad).unwrap_err()), all);
    let bad = json!({
        "title": null, "description": "a\0", "target_date": "+2027-6-30", "progress": -1, "visibility": "",
        "status": "done"
    });
    let mut told = pointers(&change(&goal(), bad).unwrap_err());
    told.sort();
    assert_eq!(told, ["/description", "/progress", "/status", "/target_date", "/title", "/visibility"]);
}

#[test]
fn only_dates_as_the_contract_writes_them_are_taken() {
    for good in ["2027-06-30", "2028-02-29", "0001-01-01", "9999-12-31"] {
        assert!(draft(json!({"title": "T", "target_date": good})).is_ok(), "{good}");
    }
    for bad in
        ["", "2027-6-30", "2027-02-29", " 2027-06-3", "+2027-06-30", "2027-06-30T00:00:00Z", "20270630"]
    {
        assert!(draft(json!({"title": "T", "target_date": bad})).is_err(), "{bad}");
    }
}

#[test]
fn completing_sets_progress_and_time_and_is_for_good() {
    let done = change(&goal(), json!({"status": "completed"})).unwrap().unwrap();
    assert_eq!((done.progress, done.completed_at, done.sequence), (100, Some(at(2000)), 1));
    assert_eq!(change(&done, json!({"status": "completed", "progress": 100})).unwrap(), None);
    for step in [json!({"status": "active"}), json!({"status": "abandoned"})] {
        let refused = change(&done, step).unwrap_err();
        assert_eq!((refused.status().as_u16(), refused.code()), (409, "goal-transition"));
    }
    assert_eq!(pointers(&change(&done, json!({"progress": 50})).unwrap_err()), ["/progress"]);
    assert_eq!(
        pointers(&change(&goal(), json!({"status": "completed", "progress": 99})).unwrap_err()),
        ["/progress"]
    );
}

#[test]
fn only_public_goals_tell_their_title() {
    let private = change(&goal(), json!({"status": "completed"})).unwrap().unwrap();
    assert!(!private.completed_event().unwrap().payload.to_string().contains("Rust"));
    let renamed = change(&private, json!({"title": "Learn more"})).unwrap().unwrap();
    assert_eq!(renamed.sequence, 1, "nothing of it was told");
    let public = change(&private, json!({"visibility": "public"})).unwrap().unwrap();
    let event = public.completed_event().unwrap();
    assert_eq!((event.sequence, &event.payload["title"]), (2, &json!("Learn Rust")));
    assert!(goal().completed_event().is_none());
}

fn step() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!({"status": "active"})),
        Just(json!({"status": "abandoned"})),
        Just(json!({"status": "completed"})),
        (0..=100).prop_map(|progress| json!({"progress": progress})),
        (0..=100).prop_map(|progress| json!({"status": "active", "progress": progress})),
        Just(json!({"visibility": "public"})),
        Just(json!({"visibility": null})),
        "[a-z]{1,3}".prop_map(|title| json!({"title": title})),
        Just(json!({"target_date": "2027-06-30"})),
        Just(json!({"target_date": null, "description": null})),
    ]
}

proptest! {
    #[test]
    fn whatever_is_done_a_goal_stays_consistent(steps in proptest::collection::vec(step(), 0..30)) {
        let mut goal = goal();
        for step in steps {
            let before = goal.clone();
            match change(&goal, step.clone()) {
                Ok(Some(after)) => {
                    prop_assert_eq!(after.version, before.version + 1);
                    prop_assert!(before.status.may_become(after.status));
                    prop_assert_eq!(change(&after, step).unwrap(), None, "the same again changes nothing");
                    goal = after;
                }
                Ok(None) => {}
                Err(refused) => prop_assert!([409, 422].contains(&refused.status().as_u16())),
            }
            prop_assert_eq!(goal.status == GoalStatus::Completed, goal.completed_at.is_some());
            prop_assert!(goal.status != GoalStatus::Completed || goal.progress == 100);
            prop_assert!((0..=100).contains(&goal.progress));
            // the event says what is: it is new exactly when it differs from the last one
            let told = |goal: &Goal| goal.completed_event().map(|event| event.payload);
            prop_assert_eq!(goal.sequence - before.sequence, i64::from(told(&goal) != told(&before)));
            prop_assert_eq!(goal.completed_event().is_some(), goal.sequence > 0);
        }
    }
}
