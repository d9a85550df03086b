//! What the documents tell people to type does what they say.

use std::{fs, path::Path, process::Command};

use tracklore_e2e::Person;

use crate::{client, name, shared_stack};

/// In the order in which people come to them: the guide finds somebody who signed up by the README.
const PAGES: [&str; 2] = ["README.md", "docs/api.md"];
/// The address that they have.
const ADDRESS: &str = "localhost:8080";
/// A call that is refused ends it all. A stream has no end: what it tells in some seconds is enough.
const PRELUDE: &str = r#"
set -euo pipefail
curl() {
  local rc=0
  command curl --fail-with-body --max-time 5 "$@" || rc=$?
  [ "$rc" = 28 ] && [ "$1" = -sN ] || return "$rc"
}
set -x
"#;

/// The pages' shell blocks with calls in them.
fn lines() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut script = String::new();
    for page in PAGES {
        let text = fs::read_to_string(root.join(page)).unwrap();
        let blocks = text.split("```sh\n").skip(1).filter_map(|rest| Some(rest.split_once("```")?.0));
        let calls: Vec<_> = blocks.filter(|block| block.contains("curl ")).collect();
        assert!(!calls.is_empty(), "{page} shows no call");
        script += &calls.join("\n");
    }
    script
}

#[tokio::test]
async fn every_call_that_the_documents_show_works_as_it_stands_there() {
    let client = client().await;
    let url = shared_stack(&client).await.url(&client).await;
    // pages of the feed need something to show
    let mut reader = Person::sign_up(&url, &name("reader")).await;
    let posts = [reader.post("one page").await, reader.post("and another").await];
    let both = |items: &[serde_json::Value]| {
        posts.iter().all(|post| items.iter().any(|item| item["post"]["id"] == **post))
    };
    reader.feed("/v1/feed/global", "two posts", both).await;

    let folder = std::env::temp_dir().join(name("documents"));
    fs::create_dir(&folder).unwrap();
    let script = format!("{PRELUDE}{}", lines())
        .replace(ADDRESS, url.trim_start_matches("http://"))
        .replace("/tmp/", &format!("{}/", folder.display()));
    let output = Command::new("bash").args(["-c", &script]).current_dir(&folder).output().unwrap();
    fs::remove_dir_all(&folder).unwrap();
    assert!(
        output.status.success(),
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
