//! Lists: paging while others write, ids in the order asked, attributes.

use serde_json::{Value, json};

use crate::support::{stack, text, texts, write};

#[tokio::test]
async fn paging_shows_each_post_once_while_others_are_written_and_deleted() {
    let stack = stack().await;
    let ada = stack.sign_up("ada").await;
    let mut before = Vec::new();
    for n in 0..25 {
        before.push(write(&stack, &ada, text(&format!("before {n}"))).await);
    }
    let (mut seen, mut cursor) = (Vec::new(), Value::Null);
    loop {
        let cursor_part = cursor.as_str().map_or_else(String::new, |cursor| format!("&cursor={cursor}"));
        let path = format!("/v1/posts?author_id={}&limit=4{cursor_part}", ada.id);
        let page = stack.get("posts", &path).await.expect(200).json;
        assert!(page["items"].as_array().unwrap().len() <= 4);
        seen.extend(page["items"].as_array().unwrap().clone());
        cursor = page["next_cursor"].clone();
        if cursor.is_null() {
            break;
        }
        write(&stack, &ada, text("meanwhile")).await;
        // the cursor points at a post that goes: the place stays
        let last = seen.last().unwrap();
        drop(ada.delete(&stack, "posts", &crate::support::at(last)).await.expect(204));
    }
    before.reverse();
    assert_eq!(seen, before);
}

#[tokio::test]
async fn ids_come_in_the_order_asked_without_the_missing_ones() {
    let stack = stack().await;
    let ada = stack.sign_up("ada").await;
    let (a, b) = (write(&stack, &ada, text("a")).await, write(&stack, &ada, text("b")).await);
    let [a, b] = [&a, &b].map(|post| post["id"].as_str().unwrap());
    let missing = "01990000-0000-7000-8000-000000000000";
    let list = stack.get("posts", &format!("/v1/posts?ids={a},{missing},{b},{a}")).await.expect(200).json;
    assert_eq!((texts(&list), &list["next_cursor"]), (vec!["a", "b"], &Value::Null));
    let list = stack.get("posts", &format!("/v1/posts?ids={b},{a}")).await.expect(200).json;
    assert_eq!(texts(&list), ["b", "a"]);
}

#[tokio::test]
async fn attributes_are_compared_as_json_scalars_or_else_as_strings() {
    let stack = stack().await;
    let (ada, bob) = (stack.sign_up("ada").await, stack.sign_up("bob").await);
    for (who, name, attributes) in [
        (&ada, "number", json!({"k": 1})),
        (&ada, "string", json!({"k": "1"})),
        (&ada, "true", json!({"k": true})),
        (&ada, "null", json!({"k": null})),
        (&ada, "list", json!({"k": [1]})),
        (&ada, "nameless", json!({"": "x"})),
        (&ada, "word", json!({"k": "red wine", "n": 2})),
        (&bob, "bob's", json!({"k": "red wine", "n": 3})),
    ] {
        write(&stack, who, json!({"text": name, "attributes": attributes})).await;
    }
    let author = ada.id;
    for (query, expected) in [
        ("attributes.k=1".to_owned(), &["number"][..]),
        ("attributes.k=1.0".to_owned(), &["number"]),
        ("attributes.k=%221%22".to_owned(), &["string"]),
        ("attributes.k=true".to_owned(), &["true"]),
        ("attributes.k=null".to_owned(), &["null"]),
        ("attributes.k=[1]".to_owned(), &[]),
        ("attributes.=x".to_owned(), &["nameless"]),
        ("attributes.k=red%20wine".to_owned(), &["bob's", "word"]),
        ("attributes.k=red+wine&attributes.n=2".to_owned(), &["word"]),
        (format!("attributes.k=red%20wine&author_id={author}"), &["word"]),
    ] {
        let list = stack.get("posts", &format!("/v1/posts?{query}")).await.expect(200).json;
        assert_eq!(texts(&list), expected, "{query}");
    }
}

#[tokio::test]
async fn a_cursor_of_one_list_is_refused_by_another() {
    let stack = stack().await;
    let ada = stack.sign_up("ada").await;
    for n in 0..2 {
        write(&stack, &ada, text(&n.to_string())).await;
    }
    let page = stack.get("posts", &format!("/v1/posts?author_id={}&limit=1", ada.id)).await.expect(200).json;
    let cursor = page["next_cursor"].as_str().unwrap();
    drop(stack.get("posts", &format!("/v1/posts?author_id=1&cursor={cursor}")).await.expect(400));
    let rest =
        stack.get("posts", &format!("/v1/posts?author_id={}&cursor={cursor}", ada.id)).await.expect(200);
    assert_eq!(texts(&rest.json), ["0"]);
}

#[tokio::test]
async fn the_attribute_index_serves_the_question() {
    let stack = stack().await;
    let pool = stack.database("posts");
    sqlx::query(
        "INSERT INTO posts SELECT gen_random_uuid(), 1, 'x', jsonb_build_object('n', n), 'public', NULL, 1, \
         now(), now() FROM generate_series(1, 20000) n",
    )
    .execute(&pool)
    .await
    .unwrap();
    sqlx::query("ANALYZE posts").execute(&pool).await.unwrap();
    let plan: Vec<String> = sqlx::query_scalar(
        "EXPLAIN SELECT id FROM posts WHERE attributes @> '{\"n\": 77}' AND visibility = 'public' \
         ORDER BY created_at DESC, id DESC LIMIT 20",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    assert!(plan.iter().any(|line| line.contains("posts_by_attributes")), "{plan:#?}");
    let list = stack.get("posts", "/v1/posts?attributes.n=77").await.expect(200).json;
    assert_eq!(texts(&list), ["x"]);
}
