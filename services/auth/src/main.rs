//! The auth service.

fn main() {}
