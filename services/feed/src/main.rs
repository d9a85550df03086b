//! The feed service.

fn main() {}
