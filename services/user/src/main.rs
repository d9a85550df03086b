//! The user service.

fn main() {}
