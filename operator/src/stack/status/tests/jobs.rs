//! What is told of Jobs that don't end well, and of those that take something away.

use super::*;

/// A stack that serves while the next image of posts is asked for, and how its migration gets on.
fn with_next_posts(state: JobState, trouble: &str) -> TrackloreStackStatus {
    let old = fixtures::valid();
    let mut observed = fixtures::serving(&old);
    let mut new = old.clone();
    new.images.services.posts = "example.org/posts:2".into();
    let children = build::plan(&new, &observed, &[]).children;
    let job = fixtures::find(&children, Kind::Job, "demo-posts-migrate").id().name;
    observed.jobs.insert(job, state);
    observed.troubles.insert("posts-migrate".into(), trouble.into());
    observed.troubles.insert("posts".into(), "words of other pods".into());
    let plan = build::plan(&new, &observed, &[]);
    settled(None, Some(2), &new, &plan, &observed, &Outcome::default(), at(0))
}

#[test]
fn a_migration_that_fails_is_told_at_once_with_its_last_words_and_the_stack_serves_on() {
    let words = "container migrate ends with code 1: column \"body\" exists";
    for (state, progressing) in [
        (JobState::Running { failures: 1 }, pair("True", "Migrating")),
        (JobState::Failed, pair("False", "Held")),
    ] {
        let status = with_next_posts(state, words);
        assert_eq!(told(&status, "Ready"), pair("True", "Serving"));
        assert_eq!(told(&status, "Progressing"), progressing);
        assert_eq!(told(&status, "Degraded"), pair("True", "MigrationFailed"));
        let degraded = status.conditions.iter().find(|condition| condition.type_ == "Degraded").unwrap();
        assert!(degraded.message.contains(words), "{}", degraded.message);
        assert_eq!(status.version, None, "what wasn't rolled out isn't said to run");
        let served: Vec<_> = status.services.iter().map(|served| served.name.as_str()).collect();
        assert_eq!(served, ["auth", "user", "feed"]);
    }
}

#[test]
fn a_contraction_is_told_and_so_is_one_that_fails() {
    let stack = fixtures::valid();
    let mut observed = fixtures::serving(&stack);
    observed.history.soaked = true;
    let told_of = |observed: &Observed| {
        let plan = build::plan(&stack, observed, &[]);
        let status = settled(None, Some(1), &stack, &plan, observed, &Outcome::default(), at(0));
        ["Ready", "Progressing", "Degraded"].map(|kind| told(&status, kind))
    };
    let serving = pair("True", "Serving");
    let contracting = pair("True", "Contracting");
    assert_eq!(told_of(&observed), [serving.clone(), contracting.clone(), pair("False", "AsExpected")]);
    let children = build::plan(&stack, &observed, &[]).children;
    let job = fixtures::find(&children, Kind::Job, "demo-posts-contract").id().name;
    fixtures::complete_jobs(&stack, &mut observed);
    assert_eq!(told_of(&observed)[1], pair("False", "Settled"));
    observed.jobs.insert(job.clone(), JobState::Running { failures: 1 });
    assert_eq!(told_of(&observed), [serving.clone(), contracting, pair("True", "ContractFailed")]);
    observed.jobs.insert(job, JobState::Failed);
    assert_eq!(told_of(&observed), [serving, pair("False", "Settled"), pair("True", "ContractFailed")]);
}
