//! What every request asks, beside a server that answers the same from nothing, or from the one SELECT.

use tracklore_testkit::{
    Account, Stack,
    load::{self, Rounds},
};

use crate::{CONNECTIONS, ROUND, ROUNDS, bare, table};

/// So many that each is forgotten until it comes again.
const TOKENS: usize = 20_000;

/// A server that is asked, and by whom.
struct Kind {
    url: String,
    process: u32,
    requests: &'static [Vec<u8>],
}

/// Prints the lines.
pub async fn measure(stack: &Stack, person: &Account) {
    let bare = bare::start(stack);
    let fresh: Vec<_> =
        (0..TOKENS).map(|number| stack.with_scope(person, &format!("scope-{number}")).access_token).collect();
    let seen = std::slice::from_ref(&person.access_token);
    let kind = |service: Option<&str>, path: &str, tokens: &[String]| {
        let headers = tokens.iter().map(|token| format!("authorization: Bearer {token}\r\n"));
        let requests: Vec<_> = headers.map(|headers| load::get(path, &headers)).collect();
        let (url, process) = match service {
            Some(service) => (stack.public_url(service), stack.process_id(service).unwrap()),
            None => (bare.url().to_owned(), bare.process_id()),
        };
        Kind { url, process, requests: requests.leak() }
    };
    let kinds = [
        kind(None, "/nothing", seen),
        kind(Some("auth"), "/v1/auth/verify", seen),
        kind(Some("auth"), "/v1/auth/verify", &fresh),
        kind(None, &format!("/select/{}", person.id), seen),
        kind(Some("user"), "/v1/users/me", seen),
        kind(Some("user"), "/v1/users/me", &fresh),
    ];
    let mut answers = [(); 6].map(|()| Rounds::default());
    for _ in 0..ROUNDS {
        for (kind, answers) in kinds.iter().zip(&mut answers) {
            let requests = kind.requests;
            let ask = move |number: usize| requests[number % requests.len()].clone();
            answers.add(kind.process, load::run(&kind.url, CONNECTIONS, ROUND, ask)).await;
        }
    }
    let [nothing, verify, verify_fresh, select, me, me_fresh] = &answers;
    for (path, least, told, seen, fresh, at_least) in [
        ("/v1/auth/verify", nothing, "a server that answers from nothing", verify, verify_fresh, 60.0),
        ("/v1/users/me", select, "a server with the one SELECT", me, me_fresh, 80.0),
    ] {
        let told = format!("{told}, {:.0} /s, {:.0} µs of processor each", least.rate(), least.each());
        let what = format!("`{path}`, token seen before, {:.0} µs", seen.each());
        table::share(&what, seen.rate(), least.rate(), &told, at_least);
        let figure = format!("{:.0} /s", fresh.rate());
        table::figure(&format!("…token at first sight, {:.0} µs", fresh.each()), &figure);
    }
}
