//! What many stacks cost the operator: `make scale`. For each number of stacks an API server of its own without nodes, and
//! the operator as the program that is released. `SIZES` says how many stacks (`1,100,500,1000`).
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a program for people, which fails loudly")]
#![expect(clippy::cast_precision_loss, reason = "figures for people")]

mod bare;
mod operator;
mod requests;
mod round;
mod stacks;
mod table;

#[tokio::main]
async fn main() {
    let sizes = std::env::var("SIZES").unwrap_or_else(|_| "1,100,500,1000".to_owned());
    let mut rounds = Vec::new();
    for size in sizes.split(',') {
        let size = size.parse().unwrap_or_else(|_| {
            eprintln!("SIZES is {sizes}: give numbers of stacks, such as SIZES=1,100");
            std::process::exit(1)
        });
        eprintln!("{size} stacks");
        rounds.push(Box::pin(round::play(size)).await);
    }
    table::print(&rounds);
}
