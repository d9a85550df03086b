//! The metrics of requests. Each thread keeps those that it has found: looking for one by its labels costs several times what
//! counting does, and labels are few.

use std::{cell::RefCell, collections::HashMap, time::Duration};

use http::{Method, StatusCode};
use metrics::{Gauge, Histogram};

use crate::metrics::{ACTIVE_REQUESTS, REQUEST_DURATION};

type Known<K, M> = Vec<(K, M)>;
/// Those of a route, by method and status.
type Durations = Known<(&'static str, StatusCode), Histogram>;

thread_local! {
    static DURATIONS: RefCell<HashMap<String, Durations>> = RefCell::default();
    static ACTIVE: RefCell<Known<&'static str, Gauge>> = RefCell::default();
}

/// The metric that is kept under `key`, found by its labels the first time.
fn kept<K: PartialEq, M: Clone>(known: &mut Known<K, M>, key: K, find: impl FnOnce() -> M) -> M {
    if let Some((_, metric)) = known.iter().find(|(other, _)| *other == key) {
        return metric.clone();
    }
    let metric = find();
    known.push((key, metric.clone()));
    metric
}

/// Tells that a request has been answered.
pub(super) fn record(method: &'static str, route: &str, status: StatusCode, took: Duration) {
    let histogram = DURATIONS.with_borrow_mut(|routes| {
        let known = match routes.get_mut(route) {
            Some(known) => known,
            None => routes.entry(route.to_owned()).or_default(),
        };
        kept(known, (method, status), || duration(method, route, status))
    });
    histogram.record(took);
}

fn duration(method: &'static str, route: &str, status: StatusCode) -> Histogram {
    metrics::histogram!(
        REQUEST_DURATION.name,
        "http_request_method" => method,
        "http_route" => route.to_owned(),
        "http_response_status_code" => status.as_str().to_owned(),
    )
}

/// A request that is being answered, also when its client goes away before.
pub(super) struct Active(Gauge);

impl Active {
    pub(super) fn new(method: &'static str) -> Self {
        let find = || metrics::gauge!(ACTIVE_REQUESTS.name, "http_request_method" => method);
        let gauge = ACTIVE.with_borrow_mut(|known| kept(known, method, find));
        gauge.increment(1);
        Self(gauge)
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}

/// Clients can invent methods; labels must stay few.
pub(super) fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "_OTHER",
    }
}
