//! The API server of this process: started by the first test that asks, gone with the process.

use std::sync::OnceLock;

use tracklore_e2e::apiserver::Server;

/// The server that all tests share.
pub fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(Server::start)
}
