//! Tests the routes on SQLite and without Redis, as on a machine without any server.

use std::fs;

use serde_json::Value;

use crate::harness::{World, database, redis, writes};

#[tokio::test]
async fn a_function_is_found_by_what_it_does() {
    let world = World::new().await;
    let indexed = world.index().await;
    assert_eq!(
        (indexed.status.as_u16(), &indexed.body["functions"], &indexed.body["degraded"]),
        (200, &3.into(), &Value::Null)
    );
    let reply = world.search("header that tells when to come back").await;
    let best = &reply.body["results"][0];
    assert_eq!((&best["name"], &best["file_path"]), (&"parse_retry_after".into(), &"src/some.rs".into()), "{reply:?}");
    assert_eq!((&best["start_line"], &best["language"]), (&1.into(), &"rust".into()));
    assert!(best["text"].to_string().contains("header.parse()") && best["score"].as_f64() > Some(0.0), "{best}");
    assert_eq!((&reply.body["mode"], &reply.body["cached"]), (&"hybrid".into(), &Value::Null));
    assert_eq!(world.search("header that tells when to come back").await.body["cached"], "l1");
    assert!(redis().snapshot().failure_count > 0, "there is no Redis");
}

#[tokio::test]
async fn a_file_that_is_indexed_again_is_known_as_it_is_now() {
    let world = World::new().await;
    world.index().await;
    assert_eq!(world.search("say hello").await.names()[0], "say_hello");
    world.index_as("greet.py", "class Host:\n    def say_hello(self):\n        pass\n").await;
    world.index_as("src/some.rs", "fn other() {}").await;
    assert_eq!(world.search("say hello").await.names(), ["Host::say_hello"]);
}

#[tokio::test]
async fn a_directory_is_known_as_it_is_now() {
    let world = World::new().await;
    let directory = tempfile::tempdir().expect("there is room");
    let write = |name: &str, text: &str| fs::write(directory.path().join(name), text).expect("there is room");
    write("a.rs", "fn first() {}");
    write("b.py", "def second():\n    pass\n");
    write("c.rs", "fn third() { \0 }");
    write("d.rs", &format!("fn deep() {}{}", "{".repeat(1_465), "}".repeat(1_465)));
    write("e.py", &format!("a = {}1\n", "1+".repeat(5_500)));
    let code = &world.service.code;
    let indexed = code.index_directory(directory.path()).await.expect("it can be read");
    assert_eq!(
        (indexed.files, indexed.functions, indexed.forgotten, indexed.skipped.len(), indexed.too_deep.len()),
        (4, 3, 0, 1, 2),
        "{indexed:?}"
    );
    assert!(indexed.too_deep[0].contains("d.rs`: line 1 is nested more than 1000 levels deep"), "{indexed:?}");
    fs::remove_file(directory.path().join("a.rs")).expect("it was there");
    assert_eq!(code.index_directory(directory.path()).await.expect("it can be read").forgotten, 1);
    assert_eq!(world.search("first or second").await.names(), ["second"]);
    let missing = code.index_directory(&directory.path().join("missing")).await.expect_err("there is none");
    assert!(missing.to_string().contains("missing"), "{missing}");
}

#[tokio::test]
async fn mistakes_of_the_caller_are_told_and_count_for_nobody() {
    let world = World::new().await;
    for path in
        ["?query=", "?query=+is+the+", "?query=x&limit=0", "?query=x&limit=51", "?limit=3", "?query=x&limit=many"]
    {
        let reply = world.get(&format!("/v1/code/search/hybrid{path}")).await;
        assert_eq!(
            (reply.status.as_u16(), &reply.body["error"]),
            (400, &"invalid_request".into()),
            "{path}: {reply:?}"
        );
    }
    for (file_path, content) in [("notes.md", "fn x() {}"), ("", ""), ("zero.rs", "fn x() { \0 }")] {
        let reply = world.index_as(file_path, content).await;
        assert_eq!((reply.status.as_u16(), &reply.body["error"]), (400, &"invalid_request".into()), "{reply:?}");
    }
    assert_eq!(world.get("/v2").await.status, 404);
    assert_eq!(database().snapshot().failure_count, 0);
    for query in ["\"; DROP TABLE chunks", "a' | 'b", "NEAR(x y)", "Ⅷ ß 日本語"] {
        assert_eq!(world.get(&format!("/v1/code/search/hybrid?query={query}")).await.status, 200, "{query}");
    }
}

#[tokio::test]
async fn of_a_file_that_is_nested_too_deep_the_rest_is_found() {
    let world = World::new().await;
    for (file_path, functions, content) in [
        ("braces.rs", 1, format!("fn a() {}{}", "{".repeat(1_465), "}".repeat(1_465))),
        ("mods.rs", 0, format!("{}{}", "mod a {".repeat(1_465), "}".repeat(1_465))),
        ("minus.rs", 1, format!("fn a() {{ {}1; }}", "-".repeat(5_860))),
        ("plus.rs", 2, format!("fn a() {{ {}1; }} fn say_hello() {{}}", "1+".repeat(5_500))),
        ("parens.py", 0, format!("a = {}1{}\n", "(".repeat(5_860), ")".repeat(5_860))),
    ] {
        let reply = world.index_as(file_path, &content).await;
        assert_eq!((reply.status.as_u16(), &reply.body["functions"]), (200, &functions.into()), "{reply:?}");
        let told = reply.body["too_deep"][0].as_str().unwrap_or_default();
        let message = format!("`{file_path}`: line 1 is nested more than 1000 levels deep; ");
        assert!(told.starts_with(&message), "{reply:?}");
    }
    assert_eq!(writes().snapshot().failure_count, 0);
    assert_eq!(world.search("say hello").await.names()[0], "say_hello");
}

#[tokio::test]
async fn a_file_of_nested_functions_costs_no_more_than_its_length() {
    let world = World::new().await;
    let level = format!("fn level() {{ let text = \"{}\";\n", "some long text ".repeat(18));
    let content = format!("{}{}", level.repeat(480), "}".repeat(480));
    let reply = world.index_as("nested.rs", &content).await;
    assert_eq!((reply.status.as_u16(), &reply.body["functions"]), (200, &480.into()), "{reply:?}");
    assert!(reply.body["shortened"].as_u64() > Some(100), "{reply:?}");
    assert_eq!(reply.body["left_out"], 0);
    let reply = world.index_as("many.rs", &"fn a() {}\n".repeat(3_000)).await;
    assert_eq!((&reply.body["functions"], &reply.body["left_out"]), (&2_000.into(), &1_000.into()), "{reply:?}");
    let reply = world.index_as(&format!("{}.rs", "x".repeat(5_000)), "fn a() {}").await;
    assert_eq!(reply.status, 400, "{reply:?}");
    assert_eq!((writes().snapshot().failure_count, database().snapshot().failure_count), (0, 0));
}

#[tokio::test]
async fn health_shows_the_breakers_and_tries_the_database() {
    let world = World::new().await;
    let health = world.get("/health").await;
    assert_eq!((health.status.as_u16(), &health.body["status"]), (200, &"healthy".into()));
    let (probe, breakers) = (&health.body["probes"]["database"], &health.body["circuit_breakers"]);
    assert_eq!((&probe["healthy"], &probe["error"]), (&true.into(), &Value::Null));
    for (name, fail_max, critical) in [
        ("redis_cache", 5, false),
        ("database", 3, false),
        ("database_writes", 3, false),
        ("embedding_service", 3, true),
    ] {
        let config = &breakers[name]["config"];
        assert_eq!((&config["fail_max"], &config["critical"]), (&fail_max.into(), &critical.into()), "{name}");
    }
    let all = world.get("/health/circuit-breakers").await.body;
    assert_eq!((&all["database"]["state"], &all["database"]["success_count"]), (&"closed".into(), &1.into()));
}
