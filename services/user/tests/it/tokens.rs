//! Every operation of user against every token that isn't good.

use reqwest::Method;
use serde_json::json;
use sqlx::PgPool;
use tracklore_testkit::{
    Account, Stack, eventually,
    matrix::{Case, Matrix, Operation},
};

use crate::{badges, follows, patch, stack};

/// Waits until everything that auth has told of accounts was taken in.
async fn settled(stack: &Stack) {
    let told = async |pool: PgPool, statement: &'static str| -> Option<String> {
        sqlx::query_scalar(statement).fetch_one(&pool).await.unwrap()
    };
    eventually("user has heard of everybody", async || {
        let accounts =
            "SELECT string_agg(concat(id, ' ', status, ' ', sequence), ',' ORDER BY id) FROM users";
        let references =
            "SELECT string_agg(concat(id, ' ', status, ' ', sequence), ',' ORDER BY id) FROM auth_users";
        let accounts = told(stack.database("auth"), accounts).await;
        (accounts == told(stack.database("user"), references).await).then_some(())
    })
    .await;
}

/// Brings about what the operation is to end or show.
async fn relate(stack: &Stack, operation: &Operation, person: &Account, other: &Account) {
    let path = operation.path.as_str();
    if path.contains("/me/follow-requests/") {
        drop(patch(stack, person, &json!({"follow_policy": "approval"})).await.expect(200));
        follows::follow(stack, other, person).await.expect(202);
    } else if path.contains("/me/followers/") {
        follows::follow(stack, other, person).await.expect(204);
    } else if path.contains("/me/following/") && operation.method != Method::PUT {
        follows::follow(stack, person, other).await.expect(204);
    } else if path.contains("/me/blocks/") && operation.method != Method::PUT {
        person.put(stack, "user", &format!("/v1/users/me/blocks/{}", other.id)).await.expect(204);
    }
}

fn body(operation: &Operation, name: &str) -> Option<serde_json::Value> {
    Some(match (&operation.method, operation.path.as_str()) {
        (&Method::PATCH, "/v1/users/me") => json!({"bio": "changed"}),
        (&Method::PATCH, "/v1/users/me/settings") => json!({"theme": "dark"}),
        (&Method::POST, "/v1/users/me/goals") => json!({"title": "One more"}),
        (&Method::PATCH, "/v1/users/me/goals/{goal_id}") => json!({"title": "Another"}),
        (&Method::POST, "/v1/badges") => json!({"slug": format!("{name}-new"), "name": "New"}),
        (&Method::PATCH, "/v1/badges/{slug}") => json!({"name": "Renamed"}),
        (&Method::PUT, "/v1/users/{id}/badges/{slug}") => json!({"reason": "why not"}),
        _ => return None,
    })
}

async fn prepare(stack: &Stack, operation: &Operation, name: &str) -> Case {
    let (person, other) = (stack.sign_up(name).await, stack.sign_up(&format!("{name}-other")).await);
    relate(stack, operation, &person, &other).await;
    let mut case = Case::of(person.clone());
    let takes = |parameter: &str| operation.path.contains(&format!("{{{parameter}}}"));
    if takes("id") {
        case = case.with("id", other.id);
    }
    if takes("goal_id") {
        let goal =
            person.post(stack, "user", "/v1/users/me/goals", &json!({"title": "A goal"})).await.expect(201);
        case = case.with("goal_id", goal.json["id"].as_str().unwrap()).own();
    }
    if takes("slug") {
        let admin = stack.with_scope(&person, "badges:admin");
        badges::create(stack, &admin, name).await.expect(201);
        if operation.method == Method::DELETE && takes("id") {
            badges::award(stack, &admin, other.id, name, "well done").await.expect(201);
        }
        case = case.with("slug", name);
    }
    if operation.required_query.iter().any(|parameter| parameter == "username") {
        case = case.with("username", name);
    }
    case.body = body(operation, name);
    settled(stack).await;
    case
}

#[tokio::test]
async fn every_operation_refuses_every_token_that_is_not_good_and_changes_nothing() {
    let stack = stack().await;
    let matrix = Matrix::public(&stack, "user").await;
    matrix.check(async |operation, name| prepare(&stack, operation, name).await).await;
}

#[tokio::test]
async fn every_internal_operation_refuses_every_token_that_is_not_a_services_own() {
    let stack = stack().await;
    let prepare = async |operation: &Operation, name: &str| {
        let person = stack.sign_up(name).await;
        settled(&stack).await;
        let (id, case) = (person.id, Case::of(person));
        if operation.takes_body { case.sending(json!({"ids": [id]})) } else { case.with("id", id) }
    };
    Matrix::internal(&stack, "user").await.check(prepare).await;
}
