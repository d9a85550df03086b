//! Every operation of a service against every token that isn't good, as its OpenAPI document says: what is not named
//! there can't be left out, and a new endpoint is covered as soon as it is described.
//!
//! For each operation: `prepare` makes a person and a request of theirs that would succeed; the request is sent with each
//! fault; the status is the one that the document's `security` stands for, and is among the document's answers; no row of
//! the service's database has changed; and at last the good token succeeds, so that the refusals were the token's.

mod operation;
mod rows;

use std::collections::BTreeMap;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

pub use operation::{Access, Operation};

use crate::{
    Account, Stack, eventually,
    forge::{Fault, Forge},
};

/// A request that would succeed with its person's token.
#[derive(Debug)]
pub struct Case {
    /// Whose.
    pub person: Account,
    /// What the path's parameters are; those that aren't in the path go into the query.
    pub parameters: BTreeMap<&'static str, String>,
    /// What it sends.
    pub body: Option<Value>,
    /// Further headers.
    pub headers: Vec<(&'static str, &'static str)>,
    /// Whether it is about something that is only this person's: anybody else gets 403 or 404.
    pub is_own: bool,
}

/// The operations of one document.
pub struct Matrix<'a> {
    stack: &'a Stack,
    service: &'a str,
    base: String,
    operations: Vec<Operation>,
    internal: bool,
}

/// People beside the one whose request it is.
struct Others {
    /// Somebody with a good token.
    stranger: Account,
    /// Tokens that were good until something happened to their users.
    bygone: Vec<(&'static str, String)>,
}

impl Case {
    /// A request of this person without parameters or body.
    pub fn of(person: Account) -> Self {
        Self { person, parameters: BTreeMap::new(), body: None, headers: Vec::new(), is_own: false }
    }

    /// With a parameter of the path or the query.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "numbers and names alike")]
    pub fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.parameters.insert(name, value.to_string());
        self
    }

    /// With a body.
    #[must_use]
    pub fn sending(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    /// About something that is only this person's.
    #[must_use]
    pub fn own(mut self) -> Self {
        self.is_own = true;
        self
    }
}

impl<'a> Matrix<'a> {
    /// The public operations of a running service; auth has to run as well.
    pub async fn public(stack: &'a Stack, service: &'a str) -> Self {
        let document = stack.get(service, "/openapi.json").await.expect(200).json;
        let (base, operations) = (stack.public_url(service), Operation::all(&document));
        Self { stack, service, base, operations, internal: false }
    }

    /// The operations for other services.
    pub async fn internal(stack: &'a Stack, service: &'a str) -> Self {
        let (well, document) = stack.run(service, &["openapi", "--internal"]).await;
        assert!(well, "{document}");
        let document = serde_json::from_str(&document).expect("a document");
        let (base, operations) = (stack.internal_url(service), Operation::all(&document));
        Self { stack, service, base, operations, internal: true }
    }

    /// Checks all operations. `prepare` is asked once for each that takes tokens, with a name for the person. It returns
    /// when the service has heard of everybody: what comes later would count as changed.
    pub async fn check(&self, prepare: impl AsyncFn(&Operation, &str) -> Case) {
        assert!(!self.operations.is_empty(), "{} has no operations", self.service);
        let stranger = self.stack.sign_up("stranger").await;
        let bygone = if self.internal { Vec::new() } else { self.bygone().await };
        let others = Others { stranger, bygone };
        for (operation, number) in self.operations.iter().zip(1..) {
            if operation.access == Access::Open {
                self.check_open(operation, &others).await;
            } else {
                let case = prepare(operation, &format!("person{number}")).await;
                self.check_closed(operation, &case, &others).await;
            }
        }
    }

    /// Tokens make no difference where none is asked for. Nothing is sent but them, so nothing can change.
    async fn check_open(&self, operation: &Operation, others: &Others) {
        let mut case = Case::of(others.stranger.clone());
        if operation.path.contains("{page}") {
            case = case.with("page", "verify-email");
        }
        if operation.takes_body {
            case = case.sending(json!({}));
        }
        let faults = self.faults(&case.person.access_token, others).await;
        let before = self.rows().await;
        let without = self.status(operation, &case, None).await;
        for (fault, authorization) in faults {
            let status = self.status(operation, &case, authorization).await;
            assert_eq!(status, without, "{} takes no token, and yet: {fault}", operation.name());
        }
        self.assert_unchanged(operation, before).await;
    }

    async fn check_closed(&self, operation: &Operation, case: &Case, others: &Others) {
        let name = operation.name();
        let token = match &operation.scope {
            Some(scope) => self.stack.with_scope(&case.person, scope).access_token,
            None => case.person.access_token.clone(),
        };
        let good = if self.internal { self.stack.service_token("feed").await } else { token };
        let faults = self.faults(&good, others).await;
        let before = self.rows().await;
        let expect = async |fault: &str, authorization: Option<String>, allowed: &[u16]| {
            let status = self.status(operation, case, authorization).await;
            assert!(allowed.contains(&status), "{name} answered {status} to: {fault}");
            assert!(
                operation.statuses.contains(&status),
                "{name} may answer {status} and doesn't say so: {fault}"
            );
        };
        for (fault, authorization) in faults {
            expect(fault, authorization, &[401]).await;
        }
        if operation.access == Access::Token {
            expect("no token", None, &[401]).await;
        }
        if operation.scope.is_some() {
            expect("a token without the scope", bearer(&case.person.access_token), &[403]).await;
        }
        if case.is_own {
            expect("another user's token", bearer(&others.stranger.access_token), &[403, 404]).await;
        }
        self.assert_unchanged(operation, before).await;

        if operation.access == Access::Optional {
            let status = self.status(operation, case, None).await;
            assert!(status < 400 || status == 404, "{name} answered {status} to nobody");
        }
        let status = self.status(operation, case, bearer(&good)).await;
        assert!(status < 400, "{name} answered {status} to a good token, so the refusals prove nothing");
        assert!(operation.statuses.contains(&status), "{name} may answer {status} and doesn't say so");
    }

    /// Everything that is no good token, made of one that is.
    async fn faults(&self, good: &str, others: &Others) -> Vec<Fault> {
        let other = if self.internal {
            others.stranger.access_token.clone()
        } else {
            self.stack.service_token("feed").await
        };
        let mut faults = Forge::new(self.stack.signer(), good).faults(&other);
        faults.extend(others.bygone.iter().map(|(fault, token)| (*fault, bearer(token))));
        if !self.internal {
            let nobody = Forge::new(self.stack.signer(), good).with(json!({"sub": "ada"}));
            faults.push(("a subject that is no user id", bearer(&nobody)));
        }
        faults
    }

    /// Logs one person out, suspends one and deletes one; waits until the service has heard of it.
    async fn bygone(&self) -> Vec<(&'static str, String)> {
        let stack = self.stack;
        let [out, suspended, gone] = [
            stack.sign_up("bygone-out").await,
            stack.sign_up("bygone-sus").await,
            stack.sign_up("bygone-del").await,
        ];
        let admin = stack.with_scope(&stack.sign_up("bygone-admin").await, "users:admin");
        out.post(stack, "auth", "/v1/auth/logout", &Value::Null).await.expect(204);
        let path = format!("/v1/auth/users/{}", suspended.id);
        admin.patch(stack, "auth", &path, &json!({"status": "suspended"})).await.expect(200);
        let farewell = gone.request(stack, Method::DELETE, "auth", "/v1/auth/me");
        let farewell = farewell.json(&json!({"password": gone.password})).send().await.expect("an answer");
        assert_eq!(farewell.status(), 202);

        let tokens = vec![
            ("a session that ended", out.access_token.clone()),
            ("a suspended user", suspended.access_token),
            ("a deleted user", gone.access_token),
        ];
        let simple = |operation: &&Operation| {
            let is_plain = !operation.path.contains('{') && operation.required_query.is_empty();
            operation.method == Method::GET && operation.access != Access::Open && is_plain
        };
        let probe = self.operations.iter().find(simple).expect("an operation to see it by");
        eventually("the service has heard of who is gone", async || {
            for (_, token) in &tokens {
                if self.status(probe, &Case::of(out.clone()), bearer(token)).await != 401 {
                    return None;
                }
            }
            Some(())
        })
        .await;
        tokens
    }

    /// Sends the request and reads no more than the status: some answers have no end. A service that can't have the keys
    /// right now says so, and is asked again.
    async fn status(&self, operation: &Operation, case: &Case, authorization: Option<String>) -> u16 {
        eventually("the service can answer", async || {
            let request = self.request(operation, case);
            let request = match &authorization {
                Some(value) => request.header("authorization", value),
                None => request,
            };
            let status = request.send().await.expect("an answer").status().as_u16();
            (status != 503).then_some(status)
        })
        .await
    }

    fn request(&self, operation: &Operation, case: &Case) -> RequestBuilder {
        let given = |name: &str| {
            let value = case.parameters.get(name);
            value
                .unwrap_or_else(|| panic!("prepare doesn't say what {name} of {} is", operation.name()))
                .clone()
        };
        let mut path = operation.path.clone();
        while let Some((start, (name, end))) =
            path.split_once('{').and_then(|(start, rest)| Some((start, rest.split_once('}')?)))
        {
            path = format!("{start}{}{end}", given(name));
        }
        let in_query = |name: &&&'static str| !operation.path.contains(&format!("{{{name}}}"));
        let named = case.parameters.keys().filter(in_query).map(|name| format!("{name}={}", given(name)));
        let query = named.collect::<Vec<_>>().join("&");
        let query = if query.is_empty() { query } else { format!("?{query}") };
        operation.required_query.iter().for_each(|name| drop(given(name)));
        let mut request =
            self.stack.http.request(operation.method.clone(), format!("{}{path}{query}", self.base));
        for (name, value) in &case.headers {
            request = request.header(*name, *value);
        }
        match &case.body {
            Some(body) => request.json(body),
            None => request,
        }
    }

    async fn rows(&self) -> rows::Rows {
        match self.stack.database_of(self.service) {
            Some(pool) => rows::rows(&pool).await,
            None => rows::Rows::new(),
        }
    }

    async fn assert_unchanged(&self, operation: &Operation, before: rows::Rows) {
        let changed = rows::changed(&before, &self.rows().await);
        assert!(changed.is_empty(), "{} changed {changed:?} without a good token", operation.name());
    }
}

#[expect(clippy::unnecessary_wraps, reason = "no header at all is a fault as well")]
fn bearer(token: &str) -> Option<String> {
    Some(format!("Bearer {token}"))
}
