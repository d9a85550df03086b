//! Every operation of auth against every token that isn't good.

use reqwest::Method;
use serde_json::json;
use tracklore_testkit::{
    Stack,
    matrix::{Case, Matrix, Operation},
};

use crate::{auth, session_of};

async fn prepare(stack: &Stack, operation: &Operation, name: &str) -> Case {
    let person = stack.sign_up(name).await;
    let password = person.password.clone();
    let case = Case::of(person.clone());
    match (&operation.method, operation.path.as_str()) {
        (&Method::PATCH, "/v1/auth/me") => {
            case.sending(json!({"username": format!("{name}-new"), "password": password}))
        }
        (&Method::DELETE, "/v1/auth/me") => case.sending(json!({"password": password})),
        (_, "/v1/auth/password/change") => {
            case.sending(json!({"current_password": password, "new_password": "another one, long enough"}))
        }
        (_, "/v1/auth/sessions/{id}") => case.with("id", session_of(stack, &person).await).own(),
        (method, path) if path.starts_with("/v1/auth/users/") => {
            let managed = stack.sign_up(&format!("{name}-managed")).await;
            let case = case.with("id", managed.id);
            match (method, path) {
                (_, path) if path.ends_with("/grants/{scope}") => case.with("scope", "posts:moderate"),
                (&Method::PATCH, _) => case.sending(json!({"status": "suspended"})),
                _ => case,
            }
        }
        _ => case,
    }
}

#[tokio::test]
async fn every_operation_refuses_every_token_that_is_not_good_and_changes_nothing() {
    let stack = auth().await;
    let matrix = Matrix::public(&stack, "auth").await;
    matrix.check(async |operation, name| prepare(&stack, operation, name).await).await;
}

#[tokio::test]
async fn every_internal_operation_refuses_every_token_that_is_not_a_services_own() {
    let stack = auth().await;
    let prepare = async |operation: &Operation, name: &str| {
        let person = stack.sign_up(name).await;
        let (id, case) = (person.id, Case::of(person));
        match operation.path.as_str() {
            "/internal/v1/users" => case.with("username", name),
            "/internal/v1/users:batch" => case.sending(json!({"ids": [id]})),
            _ => case.with("id", id),
        }
    };
    Matrix::internal(&stack, "auth").await.check(prepare).await;
}
