//! What the other services ask (port 8081, with a service token).

pub mod newest;
