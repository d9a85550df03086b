//! Every operation of posts against every token that isn't good.

use reqwest::Method;
use serde_json::json;
use tracklore_testkit::{
    Stack, eventually,
    matrix::{Case, Matrix, Operation},
};

use crate::support::{count, stack, write};

async fn prepare(stack: &Stack, operation: &Operation, name: &str) -> Case {
    let person = stack.sign_up(name).await;
    let mut case = Case::of(person.clone());
    if operation.path.contains("{id}") {
        let post = write(stack, &person, json!({"text": "For followers", "visibility": "followers"})).await;
        case = case.with("id", post["id"].as_str().unwrap()).own();
    } else if operation.method == Method::GET {
        case = case.with("author_id", person.id);
    }
    if operation.takes_body {
        case = case.sending(json!({"text": "Something else"}));
    }
    case
}

#[tokio::test]
async fn every_operation_refuses_every_token_that_is_not_good_and_changes_nothing() {
    let stack = stack().await;
    let matrix = Matrix::public(&stack, "posts").await;
    let check = matrix.check(async |operation, name| {
        eventually("posts has heard of who is gone", async || {
            (count(&stack, "SELECT count(*) FROM deleted_users").await == 1).then_some(())
        })
        .await;
        prepare(&stack, operation, name).await
    });
    check.await;
}

#[tokio::test]
async fn every_internal_operation_refuses_every_token_that_is_not_a_services_own() {
    let stack = stack().await;
    let prepare = async |_: &Operation, name: &str| Case::of(stack.sign_up(name).await);
    Matrix::internal(&stack, "posts").await.check(prepare).await;
}
