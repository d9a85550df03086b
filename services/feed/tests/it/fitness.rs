//! Redis servers that can't hold feeds are told from those that can.

use secrecy::SecretString;
use tracklore_feed::{
    fitness::{Unfit, check, look},
    redis::Redis,
};
use tracklore_testkit::Stack;

use crate::model::{Model, redis_url};

async fn as_user(model: &Model, name: &str, rules: &str) -> Redis {
    let mut command = redis::cmd("ACL");
    command.arg("SETUSER").arg(name).arg("reset").arg(rules.split(' ').collect::<Vec<_>>());
    model.redis.send(&command).await.unwrap();
    Redis::new(&redis_url(&format!("{name}:secret@"), model.database)).unwrap()
}

#[tokio::test]
async fn a_redis_that_holds_feeds_is_fit_also_for_a_user_who_may_ask_little_of_it() {
    let model = Model::new(1, 1).await;
    check(&model.redis).await.unwrap();
    let rules = "on >secret ~feed:* resetchannels -@all +@read +@write +@connection +@scripting -@dangerous";
    check(&as_user(&model, "fit-it", rules).await).await.unwrap();
}

#[tokio::test]
async fn a_wrong_password_and_a_user_without_functions_are_said_in_words() {
    let model = Model::new(1, 1).await;
    let stranger = Redis::new(&redis_url("nobody:wrong@", model.database)).unwrap();
    let verdict = look(&stranger).await.unwrap().unwrap_err();
    assert!(matches!(verdict, Unfit::Login(_)), "{verdict}");
    assert!(!verdict.to_string().contains("wrong@"), "{verdict}");

    let rules = "on >secret ~feed:* resetchannels -@all +@read +@write +@connection -@scripting";
    let verdict = check(&as_user(&model, "unfit-it", rules).await).await.unwrap_err();
    assert!(matches!(verdict, Unfit::Functions(_)), "{verdict}");
}

#[tokio::test]
async fn a_login_that_redis_hears_of_after_the_feed_is_waited_for() {
    let model = Model::new(1, 1).await;
    let early = Redis::new(&redis_url("late-it:secret@", model.database)).unwrap();
    assert!(matches!(look(&early).await.unwrap(), Err(Unfit::Login(_))));
    let rules = "on >secret ~feed:* resetchannels -@all +@read +@write +@connection +@scripting -@dangerous";
    let (waited, _) = tokio::join!(check(&early), as_user(&model, "late-it", rules));
    waited.unwrap();
}

#[tokio::test]
async fn the_login_of_the_settings_takes_the_place_of_the_url_s() {
    let model = Model::new(1, 1).await;
    let rules = "on >secret ~feed:* resetchannels -@all +@read +@write +@connection +@scripting -@dangerous";
    as_user(&model, "login-it", rules).await;
    let password = SecretString::from("secret");
    for credentials in ["", "nobody:wrong@"] {
        let url = redis_url(credentials, model.database);
        check(&Redis::with(&url, Some("login-it"), Some(&password), None).unwrap()).await.unwrap();
    }
    let url = redis_url("login-it:wrong@", model.database);
    check(&Redis::with(&url, None, Some(&password), None).unwrap()).await.unwrap();

    let mut stack = Stack::new().await;
    let url = stack.redis_url().replace("redis://", "redis://nobody:wrong@");
    stack.set_for("feed", "TRACKLORE_REDIS_URL", &url);
    let (well, said) = stack.run("feed", &["dlq", "list"]).await;
    assert!(!well, "{said}");
    stack.set_for("feed", "TRACKLORE_REDIS_USERNAME", "login-it");
    stack.set_for("feed", "TRACKLORE_REDIS_PASSWORD", "secret");
    stack.start("feed").await;
    let (well, said) = stack.run("feed", &["dlq", "list"]).await;
    assert!(well, "{said}");
}
