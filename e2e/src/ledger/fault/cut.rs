//! A network that loses packets in one direction. Not a policy: policies don't cut connections that stand, and refuse
//! instead of saying nothing.

use std::time::Duration;

use tokio::time::sleep;

use crate::ledger::cluster::{Cluster, Container};

/// How long.
const TIME: Duration = Duration::from_secs(15);

/// Drops what goes from one pod to another; it was seen when something was dropped.
pub(super) async fn cut(cluster: &Cluster, from: &Container, to: &Container) -> Result<bool, String> {
    // where addresses of Services are translated already, and before anything accepts what belongs to a connection
    let rule = format!("FORWARD -s {} -d {} -j DROP", from.address, to.address);
    cluster.on_node(to, &format!("iptables -w -t mangle -I {rule}")).await?;
    sleep(TIME).await;
    let counted = cluster.on_node(to, "iptables -w -t mangle -L FORWARD -v -x -n").await;
    cluster.on_node(to, &format!("iptables -w -t mangle -D {rule}")).await?;
    Ok(dropped(&counted?, &from.address, &to.address) > 0)
}

/// The packets that the rule has dropped.
fn dropped(list: &str, from: &str, to: &str) -> u64 {
    let rule = list.lines().find(|line| {
        let mut words = line.split_whitespace();
        words.any(|word| word == "DROP") && words.any(|word| word == from) && words.any(|word| word == to)
    });
    rule.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dropped_packets_are_counted_for_the_direction_that_is_cut() {
        let list = "Chain FORWARD (policy ACCEPT 0 packets, 0 bytes)\n    pkts      bytes target     prot opt in     out     source               destination\n      17     1020 DROP       0    --  *      *       10.244.0.7           10.244.0.9\n";
        assert_eq!(dropped(list, "10.244.0.7", "10.244.0.9"), 17);
        assert_eq!(dropped(list, "10.244.0.9", "10.244.0.7"), 0);
        assert_eq!(dropped("", "10.244.0.7", "10.244.0.9"), 0);
    }
}
